#include "bench/op_case.h"

#include <cmath>
#include <cstring>

#include "core/base/philox.h"
#include "core/device/bf16.h"
#include "core/device/copy.h"

namespace inpaint::bench {

CaseTensor::CaseTensor(const Context& ctx, const Shape& shape, DType dtype)
    : host_memory_(shape.elements() * size_of(dtype)),
      device_memory_(host_memory_.bytes(), ctx.device()),
      host_(host_memory_.tensor(shape, dtype)),
      device_(device_memory_.tensor(shape, dtype)) {
  device_.device = ctx.device();
  std::memset(host_.data, 0xFF, static_cast<size_t>(host_.bytes()));
  put(ctx);
}

CaseTensor::CaseTensor(const Context& ctx, const Shape& shape, DType dtype, uint32_t part, double middle,
                       double half_width)
    : CaseTensor(ctx, shape, dtype) {
  const Philox random(20241, RandomStream::kProceduralPictures, part);
  for (int64_t i = 0; i < elements(); i += 4) {
    const auto bits = random.bits(static_cast<uint64_t>(i));
    for (int64_t k = 0; k < 4 && i + k < elements(); ++k)
      set(i + k, middle + half_width * (2 * 0x1p-32 * static_cast<double>(bits[static_cast<size_t>(k)]) - 1));
  }
  put(ctx);
}

double CaseTensor::operator[](int64_t i) const {
  switch (host_.dtype) {
    case DType::kU8:
      return host_.as<uint8_t>()[i];
    case DType::kI32:
      return host_.as<int32_t>()[i];
    case DType::kBF16:
      return static_cast<double>(static_cast<float>(host_.as<bf16>()[i]));
    case DType::kF32:
      return static_cast<double>(host_.as<float>()[i]);
    case DType::kF64:
      return host_.as<double>()[i];
  }
  throw Error("unknown DType");
}

void CaseTensor::set(int64_t i, double value) {
  switch (host_.dtype) {
    case DType::kU8:
      host_.as<uint8_t>()[i] = static_cast<uint8_t>(std::lround(value));
      return;
    case DType::kI32:
      host_.as<int32_t>()[i] = static_cast<int32_t>(std::lround(value));
      return;
    case DType::kBF16:
      host_.as<bf16>()[i] = bf16(value);
      return;
    case DType::kF32:
      host_.as<float>()[i] = static_cast<float>(value);
      return;
    case DType::kF64:
      host_.as<double>()[i] = value;
      return;
  }
}

void CaseTensor::fetch(const Context& ctx) const { download(ctx, device_, host_); }

void CaseTensor::put(const Context& ctx) const {
  upload(ctx, host_, device_);
  ctx.synchronize();
}

std::string compare(const Context& ctx, const char* tensor, const CaseTensor& got, int64_t i,
                    const Expected& want) {
  // Sums of up to some hundred thousand f32 terms in blocks, and the result's own rounding.
  const bool tf32 = ctx.fp32_products() == Fp32Products::kTf32;
  double bound = (tf32 ? 0x1p-10 : 0x1p-20) * want.magnitude;
  if (got.device().dtype == DType::kBF16) bound += 0x1p-8 * std::abs(want.value);
  if (std::abs(got[i] - want.value) <= bound) return {};  // false for a NaN
  return fmt::format("{}[{}] is {:.9g}, the formula says {:.9g} within {:.3g}", tensor, i, got[i], want.value,
                     bound);
}

std::string compare_some(const Context& ctx, const char* tensor, const CaseTensor& got,
                         const std::function<Expected(int64_t i)>& want) {
  constexpr int kElements = 24;
  got.fetch(ctx);
  const Philox random(20242, RandomStream::kProceduralPictures);
  for (int k = 0; k < kElements; ++k) {
    const int64_t drawn =
        static_cast<int64_t>(random.bits(static_cast<uint64_t>(k))[0]) * got.elements() >> 32;
    const int64_t i = k == 0 ? 0 : k == 1 ? got.elements() - 1 : drawn;
    if (std::string message = compare(ctx, tensor, got, i, want(i)); !message.empty()) return message;
  }
  return {};
}

}  // namespace inpaint::bench
