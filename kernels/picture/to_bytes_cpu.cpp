// to_bytes on the CPU; contract in to_bytes.h. Memory-bound: 4 (8) bytes read and 1 written per value.
#include <algorithm>

#include "kernels/picture/to_bytes.h"

namespace inpaint::cpu {
namespace {

template <typename T>
uint8_t to_byte(T value) {
  // Two roundings: this file is compiled with -ffp-contract=off.
  const auto product = static_cast<float>(value * ArithmeticOf<T>{127.5});
  const float sum = product + 127.5f;
  return static_cast<uint8_t>(sum > 0.0f ? std::min(sum, 255.0f) : 0.0f);  // a NaN is not > 0
}

}  // namespace

void to_bytes(const Context& ctx, const Tensor& values, const Tensor& bytes) {
  visit_activation_type(values.dtype, [&]<typename T>(T) {
    const T* from = values.as<T>();
    uint8_t* to = bytes.as<uint8_t>();
    constexpr int64_t kBlock = 1 << 16;
    ctx.parallel_blocks(values.elements(), kBlock, [&](int64_t begin, int64_t end, int) {
      std::transform(from + begin, from + end, to + begin, to_byte<T>);
    });
  });
}

}  // namespace inpaint::cpu
