// Products in bf16 where no kernel of bf16 takes the shape: the operands as f32, the product in f32, the
// result rounded once. For the CPU kernels of this folder.
#pragma once

#include <cstddef>
#include <initializer_list>

#include "core/device/context.h"

namespace inpaint::cpu {

// Hands out f32 tensors from the workspace, behind the first `used` bytes, which are the f32 product's own.
class ThroughF32 {
 public:
  static int64_t bytes(int64_t used, std::initializer_list<int64_t> elements) {
    int64_t total = whole_lines(used);
    for (const int64_t n : elements) total += whole_lines(n * size_of(DType::kF32));
    return total;
  }

  // `total`: what bytes() gave.
  ThroughF32(const Context& ctx, int64_t used, int64_t total)
      : ctx_(ctx), next_(static_cast<std::byte*>(ctx.workspace(total)) + whole_lines(used)) {}

  Tensor room(const Shape& shape) {
    const Tensor tensor{shape, DType::kF32, Device::kCpu, next_};
    next_ += whole_lines(tensor.bytes());
    return tensor;
  }

  Tensor widened(const Tensor& values) {
    const Tensor wide = room(values.shape);
    const bf16* from = values.as<bf16>();
    float* to = wide.as<float>();
    constexpr int64_t kBlock = 1 << 16;
    ctx_.parallel_blocks(values.elements(), kBlock, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) to[i] = from[i];
    });
    return wide;
  }

 private:
  static int64_t whole_lines(int64_t bytes) { return (bytes + 63) / 64 * 64; }

  const Context& ctx_;
  std::byte* next_;
};

}  // namespace inpaint::cpu
