// linear in bf16 by register tiles; contract in linear.h. Bound by the memory the weights (forward, data
// gradient: read) or their gradient (written) travel from and to, below some hundred rows.
#include "kernels/linear/linear_tile_cpu.h"

#include <algorithm>

#include "kernels/cpu/window_product_cpu.h"
#include "kernels/linear/linear_tile_weight_cpu.h"

namespace inpaint::cpu {

int64_t linear_tile_workspace_bytes(const Context& ctx, const LinearShape& s) {
  return std::max(ctx.threads() * window_product_scratch_bytes(DType::kBF16),
                  LinearTileGradient<bf16>::bytes(s));
}

void linear_tile_forward(const Context& ctx, const LinearShape& s, const bf16* x, const bf16* w, bf16* y) {
  const WindowProduct product = plain_product(s.n, s.in, s.out, 1, s.in);
  window_products<bf16>(ctx, best_tiles<bf16>(), {&product, 1}, x, w, y,
                        ctx.workspace(linear_tile_workspace_bytes(ctx, s)));
}

void linear_tile_backward_data(const Context& ctx, const LinearShape& s, const bf16* dy, const bf16* w,
                               bf16* dx) {
  const WindowProduct product = plain_product(s.n, s.out, s.in, s.in, 1);
  window_products<bf16>(ctx, best_tiles<bf16>(), {&product, 1}, dy, w, dx,
                        ctx.workspace(linear_tile_workspace_bytes(ctx, s)));
}

void linear_tile_backward_weight(const Context& ctx, const LinearShape& s, const bf16* x, const bf16* dy,
                                 float* dw, GradMode mode) {
  const TileKernels<bf16>& kernels = best_tiles<bf16>();
  const LinearTileGradient<bf16> gradient(ctx, kernels, s, x, dy,
                                          ctx.workspace(linear_tile_workspace_bytes(ctx, s)));
  ctx.parallel_blocks(s.out, gradient.block_rows(kernels), [&](int64_t begin, int64_t end, int) {
    gradient.compute(begin, end - begin, 0, s.in, dw + begin * s.in, s.in, mode == GradMode::kAccumulate);
  });
}

}  // namespace inpaint::cpu
