// The products of conv2d_winograd_cpu.h, from packed weights to outputs. Where the points of some squares of
// the source fit into the second-level cache a task makes and multiplies its own; else, pass by pass, all
// threads make the points and then multiply. A task's products of a panel and its squares wait in that cache
// until all of them are there. For the kernels of this folder only.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "kernels/conv/conv2d_winograd_squares_cpu.h"
#include "kernels/cpu/tile_cpu.h"

namespace inpaint::cpu::winograd {

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t round_up(int64_t value, int64_t multiple) { return ceil_div(value, multiple) * multiple; }

// The squares of a task, at most, for P x P points; their products of a panel take 216 KB.
template <int P>
constexpr int64_t kTaskSquares = 96 * 9 / (P * P);

// What the products differ in. `parts` sums of P x P products each: four for a halving window's dx, one for
// each parity of its rows and columns; else one. (A halving window's four kernels of 2 x 2 meet in the summed
// dimension of y.)
struct Sides {
  int64_t depth, outputs, parts;
  int64_t points;  // of the source, for each square
  // Output (i, j) of a square lies out_step times its first pixel plus square_step i and j into the output.
  int64_t out_h, out_w, out_step, square_step;
};

constexpr int64_t kSharedPoints = SharedSignalPoints::kTo;

// Squares of a task whose points, too, stay in the second-level cache; 0 where they would be too few to pay
// for reading all the weights' points.
template <int P, typename T>
int64_t near_squares(const Sides& sides) {
  constexpr int64_t kNearBytes = 480 << 10, kFewSquares = 32;
  const int64_t squares = kNearBytes / Points<T>::bytes(sides.points, sides.depth, 1);
  return squares < kFewSquares ? 0 : std::min(squares, kTaskSquares<P>);
}

// The workspace: the weights' panels, the points of a pass, zeros, and for each worker the products of a task
// and, where they are near, its points.
template <int P, typename T>
struct Layout {
  int64_t width, panels, near;
  Passes passes;
  int64_t panel_values;  // of a part's P x P panels
  int64_t weight_bytes, point_bytes, zero_bytes, product_bytes, worker_bytes;

  Layout(const TileKernels<T>& kernels, const Conv2dShape& s, const Sides& sides)
      : width(kernels.lanes * kernels.vectors),
        panels(ceil_div(sides.outputs, width)),
        near(near_squares<P, T>(sides)),
        passes(squares_of(s), Points<T>::bytes(sides.points, sides.depth, 1)),
        panel_values(P * P * sides.depth * width),
        weight_bytes(panels * sides.parts * panel_values * static_cast<int64_t>(sizeof(T))),
        point_bytes(near > 0 ? 0 : round_up(Points<T>::bytes(sides.points, sides.depth, passes.most()), 64)),
        zero_bytes(round_up(std::max(s.ci, s.co) * static_cast<int64_t>(sizeof(T)), 64)),
        product_bytes(P * P * kTaskSquares<P> * width * static_cast<int64_t>(sizeof(SumOf<T>))),
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

// Squares [begin, end) of a pass times the panels of one part: all products, point after point, into
// sums [P x P, end - begin, vectors].
template <int P, typename T>
void multiply(const TileKernels<T>& kernels, int64_t depth, int64_t vectors,
              const std::array<const T*, P * P>& points, int64_t stride, int64_t rows, const T* panels,
              SumOf<T>* sums) {
  const int64_t width = vectors * kernels.lanes, height = kernels.rows(vectors),
                tiles = ceil_div(rows, height);
  std::array<int64_t, kTaskSquares<P>> row_offsets;
  for (int64_t r = 0; r < rows; ++r) row_offsets[static_cast<size_t>(r)] = r * stride;
  const TileRun run{0, 0, depth};
  for (int64_t point = 0; point < P * P; ++point) {
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

template <typename Sums, typename T>
void add_up(const Conv2dShape& s, const Sides& sides, int64_t part, int64_t first_square, int64_t rows,
            int64_t first, int64_t columns, const SumOf<T>* sums, int64_t width, T* out) {
  constexpr int P = Sums::kFrom;
  for (int64_t r = 0; r < rows; ++r) {
    const Square square = square_at(s, first_square + r);
    const SumOf<T>* from[P][P];
    T* to[2][2];
    for (int64_t i = 0; i < P; ++i)
      for (int64_t j = 0; j < P; ++j) from[i][j] = sums + ((i * P + j) * rows + r) * width;
    for (int64_t i = 0; i < 2; ++i) {
      const int64_t y = sides.out_step * square.top + sides.square_step * i + part / 2;
      for (int64_t j = 0; j < 2; ++j)
        to[i][j] = out +
                   ((square.n * sides.out_h + y) * sides.out_w + sides.out_step * square.left +
                    sides.square_step * j + part % 2) *
                       sides.outputs +
                   first;
    }
    winograd_transform<Sums>(from, columns, to);
  }
}

// A product in the workspace `memory`, which holds the weights' panels. make_points(square, zeros, points,
// place among the points). Sums: the step from the products to the outputs.
template <typename Sums, typename T, typename F>
class Run {
  static constexpr int P = Sums::kFrom;

 public:
  Run(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s, const Sides& sides,
      const Layout<P, T>& layout, std::byte* memory, const F& make_points, T* out)
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
      const int64_t chunks = cuts(squares, kTaskSquares<P>, groups());
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
    std::array<const T*, P * P> source;
    for (int64_t i = 0; i < P; ++i)
      for (int64_t j = 0; j < P; ++j)
        source[static_cast<size_t>(i * P + j)] = points.at(
            sides_.parts == 1 ? i * P + j : (part / 2 * 2 + i) * kSharedPoints + part % 2 * 2 + j, from);
    multiply<P>(k_, sides_.depth, vectors, source, points.stride, rows,
                weights_ + group * layout_.panel_values, products);
    add_up<Sums>(s_, sides_, part, first_square, rows, first, std::min(layout_.width, sides_.outputs - first),
                 products, vectors * k_.lanes, out_);
  }

  const Context& ctx_;
  const TileKernels<T>& k_;
  const Conv2dShape& s_;
  const Sides& sides_;
  const Layout<P, T>& layout_;
  const T* weights_;
  std::byte* far_points_;
  T* zeros_;
  std::byte* workers_;
  const F& make_points_;
  T* out_;
};

}  // namespace inpaint::cpu::winograd
