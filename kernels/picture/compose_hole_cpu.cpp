// compose_hole on the CPU; contract in compose_hole.h. Memory-bound: filled read and painted written once,
// the residual read where pixels are missing.
#include <algorithm>

#include "kernels/cpu/mask_runs_cpu.h"
#include "kernels/picture/compose_hole.h"

namespace inpaint::cpu {

void compose_hole(const Context& ctx, const Tensor& filled, const Tensor& residual, const Tensor& mask,
                  const Tensor& painted) {
  const int64_t c = filled.shape[3];
  visit_activation_type(residual.dtype, [&]<typename T>(T) {
    using F = ArithmeticOf<T>;
    const F* from = filled.as<F>();
    const T* residuals = residual.as<T>();
    const uint8_t* masks = mask.as<uint8_t>();
    F* to = painted.as<F>();
    constexpr int64_t kBlock = 1 << 14;
    ctx.parallel_blocks(mask.elements(), kBlock, [=](int64_t begin, int64_t end, int) {
      for_each_run(masks, begin, end, [=](bool missing, int64_t first, int64_t last) {
        if (missing)
#pragma GCC ivdep
          for (int64_t i = first * c; i < last * c; ++i) to[i] = from[i] + residuals[i];
        else if (to != from)
          std::copy(from + first * c, from + last * c, to + first * c);
      });
    });
  });
}

}  // namespace inpaint::cpu
