// conv2d by Winograd's F(2 x 2, 2 x 2): forward and data gradient of the halving window; contract in
// conv2d_winograd_cpu.h. Compute-bound. The weights' points are packed into panels once.
#include "kernels/conv/conv2d_winograd_cpu.h"

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "kernels/conv/conv2d_winograd_products_cpu.h"

namespace inpaint::cpu {
namespace {

using winograd::ceil_div, winograd::kSharedPoints, winograd::Run, winograd::Sides, winograd::vectors_of;

constexpr int64_t kK = kHalving.kernel, kStride = kHalving.stride;
constexpr int kP = kWinogradPoints;
constexpr int64_t kProducts = kP * kP;

template <typename T>
using Layout = winograd::Layout<kP, T>;

Sides forward_sides(const Conv2dShape& s) {
  return {4 * s.ci, s.co, 1, kProducts, s.h / kStride, s.w / kStride, 1, 1};
}

Sides data_sides(const Conv2dShape& s) {
  return {s.co, s.ci, 4, kSharedPoints * kSharedPoints, s.h, s.w, kStride, kStride};
}

// Packs the points of the weights: panel, part, point, then rows of the summed dimension. pack_taps(row,
// rows, first, columns, vectors, to) packs these rows of all 16 places of the kernel into to[place];
// place(part, i, j) is the place of (g_i, g_j); a part's first point along an axis is negated where odd_first
// says so.
template <typename T>
class WeightPanels {
 public:
  static constexpr int64_t kRows = 16, kMaxWidth = 64;

  WeightPanels(const TileKernels<T>& kernels, const Conv2dShape& s, const T* w) : k_(kernels), s_(s), w_(w) {}

  void pack_forward(const Context& ctx, const Layout<T>& layout, T* to) const {
    const Sides sides = forward_sides(s_);
    ctx.parallel(layout.panels * ceil_div(s_.ci, kRows), [&](int64_t task, int) {
      const int64_t panel = task % layout.panels, row = task / layout.panels * kRows,
                    rows = std::min(kRows, s_.ci - row);
      const int64_t first = panel * layout.width, columns = std::min(layout.width, s_.co - first);
      const int64_t vectors = vectors_of(k_, sides, first), width = vectors * k_.lanes;
      alignas(64) T taps[kK * kK][kRows * kMaxWidth];
      for (int64_t tap = 0; tap < kK * kK; ++tap)
        k_.pack_transposed(w_ + (first * kK * kK + tap) * s_.ci + row, kK * kK * s_.ci, rows, columns,
                           vectors, taps[tap]);
      T* panels = to + panel * layout.panel_values;
      for (int64_t parity = 0; parity < 4; ++parity)
        points(taps, parity / 2, parity % 2, 1, rows * width, panels + (parity * s_.ci + row) * width,
               sides.depth * width);
    });
  }

  // Row 2 a + parity of dx gets two rows of dy: a - 1 and a by way of kernel rows 3 and 1, or a and a + 1 by
  // way of 2 and 0.
  void pack_data(const Context& ctx, const Layout<T>& layout, T* to) const {
    const Sides sides = data_sides(s_);
    ctx.parallel(layout.panels * ceil_div(s_.co, kRows), [&](int64_t task, int) {
      const int64_t panel = task % layout.panels, row = task / layout.panels * kRows,
                    rows = std::min(kRows, s_.co - row);
      const int64_t first = panel * layout.width, columns = std::min(layout.width, s_.ci - first);
      const int64_t vectors = vectors_of(k_, sides, first), width = vectors * k_.lanes;
      alignas(64) T taps[kK * kK][kRows * kMaxWidth];
      for (int64_t tap = 0; tap < kK * kK; ++tap)
        k_.pack_rows(w_ + (row * kK * kK + tap) * s_.ci + first, kK * kK * s_.ci, rows, columns, vectors,
                     taps[tap]);
      for (int64_t part = 0; part < 4; ++part) {
        T* panels = to + (panel * 4 + part) * layout.panel_values + row * width;
        points(taps, 3 - part / 2, 3 - part % 2, -1, rows * width, panels, sides.depth * width);
        negate_shared(part / 2, part % 2, rows * width, panels, sides.depth * width);
      }
    });
  }

 private:
  // Kernel rows top, top + 2 direction and columns alike.
  static void points(const T (&taps)[kK * kK][kRows * kMaxWidth], int64_t top, int64_t left,
                     int64_t direction, int64_t count, T* to, int64_t point_stride) {
    const T* from[2][2];
    T* out[kP][kP];
    for (int64_t i = 0; i < 2; ++i)
      for (int64_t j = 0; j < 2; ++j)
        from[i][j] = taps[(top + direction * 2 * i) * kK + left + direction * 2 * j];
    for (int64_t i = 0; i < kP; ++i)
      for (int64_t j = 0; j < kP; ++j) out[i][j] = to + (i * kP + j) * point_stride;
    winograd_transform<PairPoints>(from, count, out);
  }

  // The first point of an odd parity is read with the other sign: SharedSignalPoints.
  static void negate_shared(bool odd_rows, bool odd_columns, int64_t count, T* to, int64_t point_stride) {
    for (int64_t point = 0; point < kProducts; ++point)
      if ((odd_rows && point / kP == 0) != (odd_columns && point % kP == 0))
        negate(to + point * point_stride, count);
  }

  static void negate(T* values, int64_t count) {
    for (int64_t i = 0; i < count; ++i)
      if constexpr (std::is_same_v<T, bf16>) {
        values[i].bits ^= 0x8000u;
      } else {
        values[i] = -values[i];
      }
  }

  const TileKernels<T>& k_;
  const Conv2dShape& s_;
  const T* w_;
};

}  // namespace

int64_t conv2d_winograd_workspace_bytes(const Context& ctx, const Conv2dShape& s, DType dtype) {
  int64_t most = 0;
  const auto see = [&]<typename T>(const TileKernels<T>& kernels) {
    if (s.window == kHalving) {
      for (const Sides& sides : {forward_sides(s), data_sides(s)})
        most = std::max(most, Layout<T>(kernels, s, sides).bytes(ctx.threads()));
    } else {
      most = std::max(most, conv2d_winograd_wide_workspace_bytes<T>(ctx, kernels, s));
    }
    most = std::max(most, conv2d_winograd_weight_workspace_bytes<T>(ctx, kernels, s));
  };
  for (const TileSet* set : tile_sets())
    visit_activation_type(dtype, [&]<typename T>(T) { see(set->of<T>()); });
  return most;
}

template <typename T>
void conv2d_winograd_forward(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s,
                             const T* x, const T* w, T* y) {
  if (s.window != kHalving) return conv2d_winograd_wide_forward(ctx, kernels, s, x, w, y);
  const Sides sides = forward_sides(s);
  const Layout<T> layout(kernels, s, sides);
  auto* memory = static_cast<std::byte*>(ctx.workspace(layout.bytes(ctx.threads())));
  WeightPanels<T>(kernels, s, w).pack_forward(ctx, layout, reinterpret_cast<T*>(memory));
  const auto make_points = [&](const Square& square, const T* zeros, const Points<T>& points, int64_t to) {
    for (int64_t parity = 0; parity < 4; ++parity)
      winograd_transform<SignalPoints>(signal_window(s, x, square, parity, zeros).pixel, s.ci,
                                       PointTargets<T, kP>(points, to, parity * s.ci).point);
  };
  Run<PointSums, T, decltype(make_points)>(ctx, kernels, s, sides, layout, memory, make_points, y).all();
}

template <typename T>
void conv2d_winograd_backward_data(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s,
                                   const T* dy, const T* w, T* dx) {
  if (s.window != kHalving) return conv2d_winograd_wide_backward_data(ctx, kernels, s, dy, w, dx);
  const Sides sides = data_sides(s);
  const Layout<T> layout(kernels, s, sides);
  auto* memory = static_cast<std::byte*>(ctx.workspace(layout.bytes(ctx.threads())));
  WeightPanels<T>(kernels, s, w).pack_data(ctx, layout, reinterpret_cast<T*>(memory));
  const auto make_points = [&](const Square& square, const T* zeros, const Points<T>& points, int64_t to) {
    // 4 x 4 pixels that begin one before the square give the points around it.
    const Window<T, SharedSignalPoints::kFrom> window(dy, s.h / kStride, s.w / kStride, s.co, square.n,
                                                      square.top - 1, square.left - 1, 1, zeros);
    winograd_transform<SharedSignalPoints>(window.pixel, s.co,
                                           PointTargets<T, kSharedPoints>(points, to, 0).point);
  };
  Run<PointSums, T, decltype(make_points)>(ctx, kernels, s, sides, layout, memory, make_points, dx).all();
}

#define INPAINT_INSTANTIATE(T)                                                                               \
  template void conv2d_winograd_forward(const Context&, const TileKernels<T>&, const Conv2dShape&, const T*, \
                                        const T*, T*);                                                       \
  template void conv2d_winograd_backward_data(const Context&, const TileKernels<T>&, const Conv2dShape&,     \
                                              const T*, const T*, T*);
INPAINT_INSTANTIATE(float)
INPAINT_INSTANTIATE(double)
INPAINT_INSTANTIATE(bf16)
#undef INPAINT_INSTANTIATE

}  // namespace inpaint::cpu
