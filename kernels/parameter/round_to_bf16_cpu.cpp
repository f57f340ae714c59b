// round_to_bf16 on the CPU; contract in round_to_bf16.h. Memory-bound: 4 bytes read and 2 written per value.
#include "kernels/parameter/round_to_bf16.h"

namespace inpaint::cpu {

void round_to_bf16(const Context& ctx, const Tensor& values, const Tensor& rounded) {
  const float* from = values.as<float>();
  bf16* to = rounded.as<bf16>();
  constexpr int64_t kBlock = 1 << 16;
  ctx.parallel_blocks(values.elements(), kBlock, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) to[i] = bf16(from[i]);
  });
}

}  // namespace inpaint::cpu
