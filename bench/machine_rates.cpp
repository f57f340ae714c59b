#include "bench/machine_rates.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "bench/timing.h"
#include "core/base/philox.h"
#include "core/device/bf16.h"
#include "core/device/copy.h"
#include "kernels/cpu/gemm_cpu.h"
#include "kernels/linear/linear.h"

namespace inpaint::bench {
namespace {

// A processor may run zeros, or equal numbers, faster.
void fill_random(const Context& ctx, const Tensor& tensor) {
  const Philox random(1, RandomStream::kProceduralPictures);
  Buffer host(tensor.bytes());
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const float value = static_cast<float>(random.bits(static_cast<uint64_t>(i))[0]) * 0x1p-32f - 0.5f;
    if (tensor.dtype == DType::kBF16)
      static_cast<bf16*>(host.data())[i] = bf16(value);
    else
      static_cast<float*>(host.data())[i] = value;
  }
  upload(ctx, host.tensor(tensor.shape, tensor.dtype), tensor);
  ctx.synchronize();
}

}  // namespace

ProductRate::ProductRate(Context& ctx, DType dtype)
    : ctx_(ctx),
      dtype_(dtype),
      one_product_per_thread_(ctx.device() == Device::kCpu && dtype == DType::kF32),
      side_(ctx.device() == Device::kCpu ? kSide : kLinearSide),
      memory_(3 * side_ * side_ * size_of(dtype) * (one_product_per_thread_ ? ctx.threads() : 1),
              ctx.device()) {
  fill_random(ctx, memory_.tensor({memory_.bytes() / size_of(dtype)}, dtype));
  if (!one_product_per_thread_)
    ctx.reserve_workspace(linear_workspace_bytes(ctx, {side_, side_, side_}, dtype));
}

double ProductRate::measure() const { return one_product_per_thread_ ? measure_threads() : measure_linear(); }

double ProductRate::measure_threads() const {
  constexpr int kProducts = 4;
  const double seconds = seconds_of([&] {
    ctx_.parallel(ctx_.threads(), [&](int64_t index, int) {
      float* a = static_cast<float*>(memory_.data()) + index * 3 * side_ * side_;
      float* b = a + side_ * side_;
      float* c = b + side_ * side_;
      for (int i = 0; i < kProducts; ++i)
        cpu::gemm<float>(ctx_.matrix_backend(), cpu::Transpose::kNo, cpu::Transpose::kNo, side_, side_, side_,
                         a, side_, b, side_, 0.0f, c, side_);
    });
  });
  return 2.0 * static_cast<double>(side_ * side_ * side_) * kProducts * ctx_.threads() / seconds;
}

double ProductRate::measure_linear() const {
  const int products = ctx_.device() == Device::kCpu ? 4 : 32;
  const int64_t bytes = side_ * side_ * size_of(dtype_);
  const Tensor x = memory_.tensor({side_, side_}, dtype_), w = memory_.tensor({side_, side_}, dtype_, bytes),
               y = memory_.tensor({side_, side_}, dtype_, 2 * bytes);
  ctx_.synchronize();
  const double seconds = seconds_of([&] {
    for (int i = 0; i < products; ++i) linear_forward(ctx_, x, w, y);
    ctx_.synchronize();
  });
  return 2.0 * static_cast<double>(side_ * side_ * side_) * products / seconds;
}

void copy_bytes(const Context& ctx, const Tensor& from, const Tensor& to) {
  if (ctx.device() == Device::kCuda) return copy_on_device(ctx, from, to);
  ctx.parallel_blocks(to.bytes(), int64_t{1} << 20, [&](int64_t begin, int64_t end, int) {
    std::memcpy(static_cast<char*>(to.data) + begin, static_cast<const char*>(from.data) + begin,
                static_cast<size_t>(end - begin));
  });
}

CopyRate::CopyRate(const Context& ctx) : ctx_(ctx), from_(kBytes, ctx.device()), to_(kBytes, ctx.device()) {
  fill_random(ctx, from_.tensor({kBytes / 4}, DType::kF32));
}

double CopyRate::measure() const {
  constexpr int kCopies = 4;
  ctx_.synchronize();
  const double seconds = seconds_of([&] {
    for (int i = 0; i < kCopies; ++i)
      copy_bytes(ctx_, from_.tensor({kBytes}, DType::kU8), to_.tensor({kBytes}, DType::kU8));
    ctx_.synchronize();
  });
  return 2.0 * static_cast<double>(kBytes) * kCopies / seconds;
}

}  // namespace inpaint::bench
