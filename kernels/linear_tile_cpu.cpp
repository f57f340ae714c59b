// linear by register tiles; contract in linear.h. Bound by the memory the weights (forward, data gradient: read)
// or their gradient (written) travel from and to, below some hundred rows.
#include "kernels/linear_tile_cpu.h"

#include <algorithm>

#include "kernels/linear_tile_weight_cpu.h"
#include "kernels/window_product_cpu.h"

namespace inpaint::cpu {

int64_t linear_tile_workspace_bytes(const Context& ctx, const LinearShape& s, DType dtype) {
  const int64_t products = ctx.threads() * window_product_scratch_bytes(dtype);
  return dtype == DType::kBF16 ? std::max(products, LinearTileGradient<bf16>::bytes(s)) : products;
}

template <typename T>
void linear_tile_forward(const Context& ctx, const TileKernels<T>& kernels, const LinearShape& s, const T* x,
                         const T* w, T* y) {
  const WindowProduct product = plain_product(s.n, s.in, s.out, 1, s.in);
  window_products<T>(ctx, kernels, {&product, 1}, x, w, y,
                     ctx.workspace(linear_tile_workspace_bytes(ctx, s, kDTypeOf<T>)));
}

template <typename T>
void linear_tile_backward_data(const Context& ctx, const TileKernels<T>& kernels, const LinearShape& s,
                               const T* dy, const T* w, T* dx) {
  const WindowProduct product = plain_product(s.n, s.out, s.in, s.in, 1);
  window_products<T>(ctx, kernels, {&product, 1}, dy, w, dx,
                     ctx.workspace(linear_tile_workspace_bytes(ctx, s, kDTypeOf<T>)));
}

template <typename T>
void linear_tile_backward_weight(const Context& ctx, const TileKernels<T>& kernels, const LinearShape& s,
                                 const T* x, const T* dy, SumOf<T>* dw, GradMode mode) {
  const LinearTileGradient<T> gradient(ctx, kernels, s, x, dy,
                                       ctx.workspace(LinearTileGradient<T>::bytes(s)));
  ctx.parallel_blocks(s.out, gradient.block_rows(kernels), [&](int64_t begin, int64_t end, int) {
    gradient.compute(begin, end - begin, 0, s.in, dw + begin * s.in, s.in, mode == GradMode::kAccumulate);
  });
}

template void linear_tile_forward(const Context&, const TileKernels<bf16>&, const LinearShape&, const bf16*,
                                  const bf16*, bf16*);
template void linear_tile_backward_data(const Context&, const TileKernels<bf16>&, const LinearShape&,
                                        const bf16*, const bf16*, bf16*);
template void linear_tile_backward_weight(const Context&, const TileKernels<bf16>&, const LinearShape&,
                                          const bf16*, const bf16*, float*, GradMode);

}  // namespace inpaint::cpu
