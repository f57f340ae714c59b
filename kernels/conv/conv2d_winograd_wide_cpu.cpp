// conv2d by Winograd's F(2 x 2, 3 x 3): forward and data gradient of a 3 x 3 window that keeps the side;
// contract in conv2d_winograd_cpu.h. Compute-bound. Both are the same product: the data gradient's kernel is
// turned around, and its inputs and outputs change places.
#include <algorithm>
#include <cstddef>

#include "kernels/conv/conv2d_winograd_cpu.h"
#include "kernels/conv/conv2d_winograd_products_cpu.h"

namespace inpaint::cpu {
namespace {

using winograd::ceil_div, winograd::Sides, winograd::vectors_of;

constexpr int64_t kK = 3;
constexpr int kP = kWinogradWidePoints;
constexpr int64_t kRows = 16, kMaxWidth = 64;  // packed at a time; of a panel

template <typename T>
using Layout = winograd::Layout<kP, T>;

Sides forward_sides(const Conv2dShape& s) { return {s.ci, s.co, 1, kP * kP, s.h, s.w, 1, s.window.dilation}; }

Sides data_sides(const Conv2dShape& s) { return {s.co, s.ci, 1, kP * kP, s.h, s.w, 1, s.window.dilation}; }

// Packs the points of the weights: panel, point, then rows of the summed dimension. pack_tap(tap, row, rows,
// first, columns, vectors, to) packs these rows of one place of the kernel.
template <typename T, typename F>
void pack_points(const Context& ctx, const TileKernels<T>& kernels, const Sides& sides,
                 const Layout<T>& layout, const F& pack_tap, T* to) {
  ctx.parallel(layout.panels * ceil_div(sides.depth, kRows), [&](int64_t task, int) {
    const int64_t panel = task % layout.panels, row = task / layout.panels * kRows,
                  rows = std::min(kRows, sides.depth - row);
    const int64_t first = panel * layout.width, columns = std::min(layout.width, sides.outputs - first);
    const int64_t vectors = vectors_of(kernels, sides, first), width = vectors * kernels.lanes;
    alignas(64) T taps[kK][kK][kRows * kMaxWidth];
    const T* from[kK][kK];
    T* points[kP][kP];
    for (int64_t i = 0; i < kK; ++i)
      for (int64_t j = 0; j < kK; ++j) {
        pack_tap(i * kK + j, row, rows, first, columns, vectors, taps[i][j]);
        from[i][j] = taps[i][j];
      }
    for (int64_t i = 0; i < kP; ++i)
      for (int64_t j = 0; j < kP; ++j)
        points[i][j] = to + panel * layout.panel_values + ((i * kP + j) * sides.depth + row) * width;
    winograd_transform<KernelPoints>(from, rows * width, points);
  });
}

// The whole product; pack_tap as above.
template <typename T, typename F>
void product(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s, const Sides& sides,
             const T* source, const F& pack_tap, T* out) {
  const Layout<T> layout(kernels, s, sides);
  auto* memory = static_cast<std::byte*>(ctx.workspace(layout.bytes(ctx.threads())));
  pack_points(ctx, kernels, sides, layout, pack_tap, reinterpret_cast<T*>(memory));
  const auto make_points = [&](const Square& square, const T* zeros, const Points<T>& points, int64_t to) {
    winograd_transform<WideSignalPoints>(wide_window(s, source, sides.depth, square, zeros).pixel,
                                         sides.depth, PointTargets<T, kP>(points, to, 0).point);
  };
  winograd::Run<WidePointSums, T, decltype(make_points)>(ctx, kernels, s, sides, layout, memory, make_points,
                                                         out)
      .all();
}

}  // namespace

template <typename T>
int64_t conv2d_winograd_wide_workspace_bytes(const Context& ctx, const TileKernels<T>& kernels,
                                             const Conv2dShape& s) {
  return std::max(Layout<T>(kernels, s, forward_sides(s)).bytes(ctx.threads()),
                  Layout<T>(kernels, s, data_sides(s)).bytes(ctx.threads()));
}

template <typename T>
void conv2d_winograd_wide_forward(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s,
                                  const T* x, const T* w, T* y) {
  const auto pack_tap = [&](int64_t tap, int64_t row, int64_t rows, int64_t first, int64_t columns,
                            int64_t vectors, T* to) {
    kernels.pack_transposed(w + (first * kK * kK + tap) * s.ci + row, kK * kK * s.ci, rows, columns, vectors,
                            to);
  };
  product(ctx, kernels, s, forward_sides(s), x, pack_tap, y);
}

template <typename T>
void conv2d_winograd_wide_backward_data(const Context& ctx, const TileKernels<T>& kernels,
                                        const Conv2dShape& s, const T* dy, const T* w, T* dx) {
  const auto pack_tap = [&](int64_t tap, int64_t row, int64_t rows, int64_t first, int64_t columns,
                            int64_t vectors, T* to) {
    const int64_t turned = kK * kK - 1 - tap;
    kernels.pack_rows(w + (row * kK * kK + turned) * s.ci + first, kK * kK * s.ci, rows, columns, vectors,
                      to);
  };
  product(ctx, kernels, s, data_sides(s), dy, pack_tap, dx);
}

#define INPAINT_INSTANTIATE(T)                                                                          \
  template int64_t conv2d_winograd_wide_workspace_bytes(const Context&, const TileKernels<T>&,          \
                                                        const Conv2dShape&);                            \
  template void conv2d_winograd_wide_forward(const Context&, const TileKernels<T>&, const Conv2dShape&, \
                                             const T*, const T*, T*);                                   \
  template void conv2d_winograd_wide_backward_data(const Context&, const TileKernels<T>&,               \
                                                   const Conv2dShape&, const T*, const T*, T*);
INPAINT_INSTANTIATE(float)
INPAINT_INSTANTIATE(double)
INPAINT_INSTANTIATE(bf16)
#undef INPAINT_INSTANTIATE

}  // namespace inpaint::cpu
