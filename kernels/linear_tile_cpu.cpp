// linear by register tiles; contract in linear.h. Bound by the memory the weights (forward, data gradient: read)
// or their gradient (written) travel from and to, below some hundred rows.
#include "kernels/linear_tile_cpu.h"

#include <algorithm>
#include <cstddef>

#include "kernels/window_product_cpu.h"

namespace inpaint::cpu {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Examples summed in one go by the weight gradient: 64 of them and a panel of inputs stay in the first cache.
constexpr int64_t kExamples = 256;

// The rows of x and dy of the weight gradient's sum, one example each or in bf16 a pair of them, packed.
template <typename T>
struct Operands {
  T *x, *dy;

  Operands(const Context& ctx, const LinearShape& s)
      : x(static_cast<T*>(ctx.workspace(linear_tile_workspace_bytes(ctx, s, kDTypeOf<T>)))),
        dy(x + pairs(s) * 2 * s.in) {}

  static int64_t pairs(const LinearShape& s) { return ceil_div(s.n, 2); }
  // Between rows of dy, with a cache line more: at a power of two they would share a few cache sets.
  static int64_t dy_stride(const LinearShape& s) { return 2 * s.out + 64 / static_cast<int64_t>(sizeof(T)); }
  static int64_t bytes(const LinearShape& s) {
    return pairs(s) * (2 * s.in + dy_stride(s)) * static_cast<int64_t>(sizeof(T));
  }
};

template <typename T>
void pack(const Context& ctx, const TileKernels<T>& kernels, const LinearShape& s, const T* x, const T* dy,
          const Operands<T>& to) {
  ctx.parallel(Operands<T>::pairs(s), [&](int64_t k, int) {
    const T* x_rows[] = {x + 2 * k * s.in, x + (2 * k + 1) * s.in};
    const T* dy_rows[] = {dy + 2 * k * s.out, dy + (2 * k + 1) * s.out};
    const int64_t count = std::min<int64_t>(2, s.n - 2 * k);
    kernels.interleave(x_rows, count, 0, s.in, to.x + k * 2 * s.in, 0);
    kernels.interleave(dy_rows, count, 0, s.out, to.dy + k * Operands<T>::dy_stride(s), 0);
  });
}

}  // namespace

int64_t linear_tile_workspace_bytes(const Context& ctx, const LinearShape& s, DType dtype) {
  const int64_t products = ctx.threads() * window_product_scratch_bytes(dtype);
  return dtype == DType::kBF16 ? std::max(products, Operands<bf16>::bytes(s)) : products;
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
  int64_t x_stride = s.in, dy_stride = s.out;  // of a pair, in bf16
  if constexpr (kTileStep<T> != 1) {
    const Operands<T> packed(ctx, s);
    pack(ctx, kernels, s, x, dy, packed);
    x = packed.x;
    dy = packed.dy;
    x_stride = 2 * s.in;
    dy_stride = Operands<T>::dy_stride(s);
  }
  const int64_t terms = ceil_div(s.n, kTileStep<T>), width = kernels.lanes * kernels.vectors;
  const int64_t height = kernels.rows(kernels.vectors),
                block = 4 * height;  // the panel of x serves four tiles
  ctx.parallel_blocks(s.out, block, [&](int64_t begin, int64_t end, int) {
    const T *left[kExamples], *right[kExamples];
    for (int64_t first = 0; first < terms; first += kExamples) {
      const int64_t count = std::min(kExamples, terms - first);
      for (int64_t k = 0; k < count; ++k) {
        left[k] = dy + (first + k) * dy_stride;
        right[k] = x + (first + k) * x_stride;
      }
      for (int64_t column = 0; column < s.in; column += width) {
        const int64_t vectors = std::min(width, s.in - column) / kernels.lanes;
        for (int64_t row = begin; row < end; row += height)
          kernels.outer_tile[vectors][std::min(height, end - row)](
              {left, right, row, column, 0, 0, count, dw + row * s.in + column, s.in,
               first > 0 || mode == GradMode::kAccumulate});
      }
    }
  });
}

#define INPAINT_INSTANTIATE(T)                                                                           \
  template void linear_tile_forward(const Context&, const TileKernels<T>&, const LinearShape&, const T*, \
                                    const T*, T*);                                                       \
  template void linear_tile_backward_data(const Context&, const TileKernels<T>&, const LinearShape&,     \
                                          const T*, const T*, T*);                                       \
  template void linear_tile_backward_weight(const Context&, const TileKernels<T>&, const LinearShape&,   \
                                            const T*, const T*, SumOf<T>*, GradMode);
INPAINT_INSTANTIATE(float)
INPAINT_INSTANTIATE(double)
INPAINT_INSTANTIATE(bf16)
#undef INPAINT_INSTANTIATE

}  // namespace inpaint::cpu
