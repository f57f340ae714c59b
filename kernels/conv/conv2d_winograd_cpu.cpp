// conv2d by Winograd's F(2 x 2, 2 x 2): forward and data gradient; contract in conv2d_winograd_cpu.h.
// Compute-bound. The weights' points are packed into panels once. Where the points of some squares of the
// source fit into the second-level cache a task makes and multiplies its own; else, pass by pass, all threads
// make the points and then multiply. A task's products of a panel and its squares wait in that cache until
// all 9 are there.
#include "kernels/conv/conv2d_winograd_cpu.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

#include "kernels/conv/conv2d_winograd_squares_cpu.h"
#include "kernels/conv/conv2d_winograd_weight_cpu.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kK = kHalving.kernel, kStride = kHalving.stride;
constexpr int kP = kWinogradPoints;
constexpr int64_t kProducts = kP * kP;
constexpr int64_t kTaskSquares = 96;  // at most; their products of a panel take 216 KB

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t value, int64_t multiple) { return ceil_div(value, multiple) * multiple; }

// What forward and data gradient differ in. `parts` sums of 9 products each: one for y, whose four kernels of
// 2 x 2 meet in the summed dimension; four for dx, one for each parity of its rows and columns.
struct Sides {
  int64_t depth, outputs, parts;
  int64_t points;  // of the source, for each square
  int64_t out_h, out_w, out_step;
};

Sides forward_sides(const Conv2dShape& s) {
  return {4 * s.ci, s.co, 1, kProducts, s.h / kStride, s.w / kStride, 1};
}

constexpr int64_t kSharedPoints = SharedSignalPoints::kTo;

Sides data_sides(const Conv2dShape& s) {
  return {s.co, s.ci, 4, kSharedPoints * kSharedPoints, s.h, s.w, kStride};
}

// Squares of a task whose points, too, stay in the second-level cache; 0 where they would be too few to pay
// for reading all the weights' points.
template <typename T>
int64_t near_squares(const Sides& sides) {
  constexpr int64_t kNearBytes = 480 << 10, kFewSquares = 32;
  const int64_t squares = kNearBytes / Points<T>::bytes(sides.points, sides.depth, 1);
  return squares < kFewSquares ? 0 : std::min(squares, kTaskSquares);
}

// The workspace: the weights' panels, the points of a pass, zeros, and for each worker the products of a task
// and, where they are near, its points.
template <typename T>
struct Layout {
  int64_t width, panels, near;
  Passes passes;
  int64_t panel_values;  // of a part's 9 panels
  int64_t weight_bytes, point_bytes, zero_bytes, product_bytes, worker_bytes;

  Layout(const TileKernels<T>& kernels, const Conv2dShape& s, const Sides& sides)
      : width(kernels.lanes * kernels.vectors),
        panels(ceil_div(sides.outputs, width)),
        near(near_squares<T>(sides)),
        passes(squares_of(s), Points<T>::bytes(sides.points, sides.depth, 1)),
        panel_values(kProducts * sides.depth * width),
        weight_bytes(panels * sides.parts * panel_values * static_cast<int64_t>(sizeof(T))),
        point_bytes(near > 0 ? 0 : round_up(Points<T>::bytes(sides.points, sides.depth, passes.most()), 64)),
        zero_bytes(round_up(std::max(s.ci, s.co) * static_cast<int64_t>(sizeof(T)), 64)),
        product_bytes(kProducts * kTaskSquares * width * static_cast<int64_t>(sizeof(SumOf<T>))),
        worker_bytes(product_bytes + round_up(Points<T>::bytes(sides.points, sides.depth, near), 64)) {}

  int64_t bytes(int threads) const {
    return weight_bytes + point_bytes + zero_bytes + threads * worker_bytes;
  }
};

// The vectors of a panel from output `first` on.
template <typename T>
int64_t vectors_of(const TileKernels<T>& kernels, const Sides& sides, int64_t first) {
  return ceil_div(std::min(kernels.lanes * kernels.vectors, sides.outputs - first), kernels.lanes);
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

// Squares [begin, end) of a pass times the panels of one part: all 9 products, point after point, into
// sums [9, end - begin, vectors].
template <typename T>
void multiply(const TileKernels<T>& kernels, int64_t depth, int64_t vectors,
              const std::array<const T*, kProducts>& points, int64_t stride, int64_t rows, const T* panels,
              SumOf<T>* sums) {
  const int64_t width = vectors * kernels.lanes, height = kernels.rows(vectors),
                tiles = ceil_div(rows, height);
  std::array<int64_t, kTaskSquares> row_offsets;
  for (int64_t r = 0; r < rows; ++r) row_offsets[static_cast<size_t>(r)] = r * stride;
  const TileRun run{0, 0, depth};
  for (int64_t point = 0; point < kProducts; ++point) {
    PanelTile<T> tile{};
    tile.source = points[static_cast<size_t>(point)];
    tile.runs = &run;
    tile.run_count = 1;
    tile.panel = tile.ahead = panels + point * depth * width;
    tile.sums_stride = width;
    for (int64_t t = 0; t < tiles; ++t) {  // of nearly equal height
      const int64_t first = rows * t / tiles;
      tile.rows = row_offsets.data() + first;
      tile.sums = sums + (point * rows + first) * width;
      kernels.panel_tile[vectors][rows * (t + 1) / tiles - first](tile);
    }
  }
}

template <typename T>
void add_up(const Conv2dShape& s, const Sides& sides, int64_t part, int64_t first_square, int64_t rows,
            int64_t first, int64_t columns, const SumOf<T>* sums, int64_t width, T* out) {
  for (int64_t r = 0; r < rows; ++r) {
    const Square square = square_at(s, first_square + r);
    const SumOf<T>* from[kP][kP];
    T* to[2][2];
    for (int64_t i = 0; i < kP; ++i)
      for (int64_t j = 0; j < kP; ++j) from[i][j] = sums + ((i * kP + j) * rows + r) * width;
    for (int64_t i = 0; i < 2; ++i) {
      const int64_t y = sides.out_step * (square.top + i) + part / 2;
      for (int64_t j = 0; j < 2; ++j)
        to[i][j] =
            out +
            ((square.n * sides.out_h + y) * sides.out_w + sides.out_step * (square.left + j) + part % 2) *
                sides.outputs +
            first;
    }
    winograd_transform<PointSums>(from, columns, to);
  }
}

// All a task needs to know. make_points(square, zeros, points, place among the points).
template <typename T, typename F>
class Run {
 public:
  Run(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s, const Sides& sides,
      const Layout<T>& layout, std::byte* memory, const F& make_points, T* out)
      : ctx_(ctx),
        k_(kernels),
        s_(s),
        sides_(sides),
        layout_(layout),
        weights_(reinterpret_cast<const T*>(memory)),
        far_points_(memory + layout.weight_bytes),
        zeros_(reinterpret_cast<T*>(far_points_ + layout.point_bytes)),
        workers_(far_points_ + layout.point_bytes + layout.zero_bytes),
        make_points_(make_points),
        out_(out) {
    std::fill_n(zeros_, layout.zero_bytes / static_cast<int64_t>(sizeof(T)), T{});
  }

  void all() const { layout_.near > 0 ? near() : by_passes(); }

 private:
  int64_t groups() const { return layout_.panels * sides_.parts; }

  // A number of cuts of `squares` that gives every thread as many tasks as the others. No cut changes a sum.
  int64_t cuts(int64_t squares, int64_t most, int64_t tasks_per_cut) const {
    const int64_t cuts = ceil_div(squares, most);
    return tasks_per_cut % ctx_.threads() == 0 ? cuts : std::min(squares, round_up(cuts, ctx_.threads()));
  }

  // Each task makes its own points.
  void near() const {
    const int64_t squares = squares_of(s_), chunks = cuts(squares, layout_.near, 1);
    ctx_.parallel(chunks, [&](int64_t chunk, int worker) {
      const int64_t begin = squares * chunk / chunks, rows = squares * (chunk + 1) / chunks - begin;
      std::byte* memory = workers_ + worker * layout_.worker_bytes;
      const Points<T> points(memory + layout_.product_bytes, sides_.depth, rows);
      for (int64_t i = 0; i < rows; ++i) make_points_(square_at(s_, begin + i), zeros_, points, i);
      for (int64_t group = 0; group < groups(); ++group)
        multiply_and_add(points, 0, rows, begin, group, reinterpret_cast<SumOf<T>*>(memory));
    });
  }

  void by_passes() const {
    const Points<T> points(far_points_, sides_.depth, layout_.passes.most());
    for (int64_t pass = 0; pass < layout_.passes.count; ++pass) {
      const int64_t begin = layout_.passes.begin(pass), squares = layout_.passes.begin(pass + 1) - begin;
      constexpr int64_t kBlock = 8;
      ctx_.parallel_blocks(squares, kBlock, [&](int64_t from, int64_t to, int) {
        for (int64_t i = from; i < to; ++i) make_points_(square_at(s_, begin + i), zeros_, points, i);
      });
      const int64_t chunks = cuts(squares, kTaskSquares, groups());
      ctx_.parallel(chunks * groups(), [&](int64_t task, int worker) {
        const int64_t chunk = task % chunks, from = squares * chunk / chunks,
                      rows = squares * (chunk + 1) / chunks - from;
        multiply_and_add(points, from, rows, begin + from, task / chunks,
                         reinterpret_cast<SumOf<T>*>(workers_ + worker * layout_.worker_bytes));
      });
    }
  }

  // The outputs of a group (a panel of them, and a part) for `rows` squares from first_square on, whose
  // points begin at place `from`.
  void multiply_and_add(const Points<T>& points, int64_t from, int64_t rows, int64_t first_square,
                        int64_t group, SumOf<T>* products) const {
    const int64_t panel = group / sides_.parts, part = group % sides_.parts;
    const int64_t first = panel * layout_.width, vectors = vectors_of(k_, sides_, first);
    std::array<const T*, kProducts> source;
    for (int64_t i = 0; i < kP; ++i)
      for (int64_t j = 0; j < kP; ++j)
        source[static_cast<size_t>(i * kP + j)] = points.at(
            sides_.parts == 1 ? i * kP + j : (part / 2 * 2 + i) * kSharedPoints + part % 2 * 2 + j, from);
    multiply(k_, sides_.depth, vectors, source, points.stride, rows, weights_ + group * layout_.panel_values,
             products);
    add_up(s_, sides_, part, first_square, rows, first, std::min(layout_.width, sides_.outputs - first),
           products, vectors * k_.lanes, out_);
  }

  const Context& ctx_;
  const TileKernels<T>& k_;
  const Conv2dShape& s_;
  const Sides& sides_;
  const Layout<T>& layout_;
  const T* weights_;
  std::byte* far_points_;
  T* zeros_;
  std::byte* workers_;
  const F& make_points_;
  T* out_;
};

}  // namespace

int64_t conv2d_winograd_workspace_bytes(const Context& ctx, const Conv2dShape& s, DType dtype) {
  int64_t most = 0;
  const auto see = [&]<typename T>(const TileKernels<T>& kernels) {
    for (const Sides& sides : {forward_sides(s), data_sides(s)})
      most = std::max(most, Layout<T>(kernels, s, sides).bytes(ctx.threads()));
    most = std::max(most, conv2d_winograd_weight_workspace_bytes<T>(ctx, kernels, s));
  };
  for (const TileSet* set : tile_sets())
    visit_activation_type(dtype, [&]<typename T>(T) { see(set->of<T>()); });
  return most;
}

template <typename T>
void conv2d_winograd_forward(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s,
                             const T* x, const T* w, T* y) {
  const Sides sides = forward_sides(s);
  const Layout<T> layout(kernels, s, sides);
  auto* memory = static_cast<std::byte*>(ctx.workspace(layout.bytes(ctx.threads())));
  WeightPanels<T>(kernels, s, w).pack_forward(ctx, layout, reinterpret_cast<T*>(memory));
  const auto make_points = [&](const Square& square, const T* zeros, const Points<T>& points, int64_t to) {
    for (int64_t parity = 0; parity < 4; ++parity)
      winograd_transform<SignalPoints>(signal_window(s, x, square, parity, zeros).pixel, s.ci,
                                       PointTargets<T, kP>(points, to, parity * s.ci).point);
  };
  Run(ctx, kernels, s, sides, layout, memory, make_points, y).all();
}

template <typename T>
void conv2d_winograd_backward_data(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s,
                                   const T* dy, const T* w, T* dx) {
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
  Run(ctx, kernels, s, sides, layout, memory, make_points, dx).all();
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
