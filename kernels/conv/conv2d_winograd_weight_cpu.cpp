// conv2d by Winograd's F(2 x 2, 2 x 2): the weight gradient; contract in conv2d_winograd_cpu.h.
// Compute-bound. Pass by pass, all threads make the points of x and dy, and multiply: a task sums the 9
// products of some outputs, a panel of channels and one parity over all squares of the pass, and behind the
// last pass adds them up into dw.
#include "kernels/conv/conv2d_winograd_weight_cpu.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "kernels/conv/conv2d_winograd_cpu.h"
#include "kernels/conv/conv2d_winograd_squares_cpu.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kK = kHalving.kernel, kStride = kHalving.stride;
constexpr int kP = kWinogradPoints;
constexpr int64_t kProducts = kP * kP, kParities = 4;
constexpr int64_t kTaskOutputs = 96;  // at most; their sums of a panel take 216 KB
constexpr int64_t kTerms = 256;       // squares, or in bf16 pairs of them, summed in one go

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t value, int64_t multiple) { return ceil_div(value, multiple) * multiple; }

// Rows of points that squares make.
template <typename T>
int64_t terms_of(int64_t squares) {
  return ceil_div(squares, kTileStep<T>);
}

// The workspace: the points of x and of dy of a pass, zeros, and the sums of every task; of one pass, of
// every worker.
template <typename T>
struct Layout {
  int64_t width, panels, cuts;  // cuts of the outputs
  Passes passes;
  int64_t terms;  // of a pass, at most
  int64_t x_bytes, dy_bytes, zero_bytes, sum_bytes;

  Layout(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s)
      : width(kernels.lanes * kernels.vectors),
        panels(ceil_div(s.ci, width)),
        passes(squares_of(s),
               Points<T>::bytes(kProducts, 4 * s.ci, 1) + Points<T>::bytes(kProducts, s.co, 1)),
        terms(terms_of<T>(passes.most())),
        x_bytes(round_up(Points<T>::bytes(kProducts, x_values(s), terms), 64)),
        dy_bytes(round_up(Points<T>::bytes(kProducts, dy_values(s), terms), 64)),
        zero_bytes(round_up(std::max(s.ci, s.co) * static_cast<int64_t>(sizeof(T)), 64)) {
    // Every thread should have some tasks, of outputs enough for a few tiles. No cut changes a sum.
    constexpr int64_t kTasksPerThread = 3, kFewOutputs = 24;
    const int64_t wanted = ceil_div(kTasksPerThread * ctx.threads(), panels * kParities);
    cuts = std::max(ceil_div(s.co, kTaskOutputs), std::min(wanted, ceil_div(s.co, kFewOutputs)));
    sum_bytes = kProducts * ceil_div(s.co, cuts) * width * static_cast<int64_t>(sizeof(SumOf<T>));
  }

  // The number of values in a row of a point.
  static int64_t x_values(const Conv2dShape& s) { return kTileStep<T> * kParities * s.ci; }
  static int64_t dy_values(const Conv2dShape& s) { return kTileStep<T> * s.co; }

  int64_t tasks() const { return cuts * panels * kParities; }
  bool one_pass() const { return passes.count == 1; }
  int64_t bytes(int threads) const {
    return x_bytes + dy_bytes + zero_bytes + sum_bytes * (one_pass() ? threads : tasks());
  }
};

// Row k of the points of x, [9, 4 ci], channels of the four parities in order, and of dy, [9, co]: those of
// square k of the `squares` from `begin` on, or in bf16 of squares 2 k and 2 k + 1, alternating.
template <typename T>
void make_points(const Conv2dShape& s, const T* x, const T* dy, int64_t begin, int64_t squares, int64_t k,
                 const T* zeros, const Points<T>& x_points, const Points<T>& dy_points) {
  const auto x_window = [&](int64_t i, int64_t parity) {
    return i < squares ? signal_window(s, x, square_at(s, begin + i), parity, zeros) : Window<T, kP>(zeros);
  };
  const auto dy_window = [&](int64_t i) {
    if (i >= squares) return Window<T, 2>(zeros);
    const auto [n, top, left] = square_at(s, begin + i);
    return Window<T, 2>(dy, s.h / kStride, s.w / kStride, s.co, n, top, left, 1, zeros);
  };
  const PointTargets<T, kP> dy_targets(dy_points, k, 0);
  if constexpr (kTileStep<T> == 1) {
    for (int64_t parity = 0; parity < kParities; ++parity)
      winograd_transform<SignalPoints>(x_window(k, parity).pixel, s.ci,
                                       PointTargets<T, kP>(x_points, k, parity * s.ci).point);
    winograd_transform<PairPoints>(dy_window(k).pixel, s.co, dy_targets.point);
  } else {
    for (int64_t parity = 0; parity < kParities; ++parity)
      winograd_transform_pairs<SignalPoints>(x_window(2 * k, parity).pixel, x_window(2 * k + 1, parity).pixel,
                                             s.ci, PointTargets<T, kP>(x_points, k, 2 * parity * s.ci).point);
    winograd_transform_pairs<PairPoints>(dy_window(2 * k).pixel, dy_window(2 * k + 1).pixel, s.co,
                                         dy_targets.point);
  }
}

// What a task sums: outputs [first, first + outputs), channels from first_channel on in whole vectors,
// a parity.
struct Part {
  int64_t first, outputs, first_channel, channels, parity;
};

template <typename T>
Part part_of(const Layout<T>& layout, const Conv2dShape& s, int64_t task) {
  const int64_t cut = task % layout.cuts, group = task / layout.cuts, first = s.co * cut / layout.cuts,
                first_channel = group / kParities * layout.width;
  return {first, s.co * (cut + 1) / layout.cuts - first, first_channel,
          std::min(layout.width, s.ci - first_channel), group % kParities};
}

// Adds the products of a pass to sums [9, outputs, channels].
template <typename T>
void multiply(const TileKernels<T>& kernels, const Conv2dShape& s, const Part& part, const Points<T>& x,
              const Points<T>& dy, int64_t terms, bool first_pass, SumOf<T>* sums) {
  const int64_t vectors = part.channels / kernels.lanes, height = kernels.rows(vectors),
                tiles = ceil_div(part.outputs, height);
  for (int64_t point = 0; point < kProducts; ++point) {
    for (int64_t begin = 0; begin < terms; begin += kTerms) {
      const int64_t count = std::min(kTerms, terms - begin);
      std::array<const T*, kTerms> left, right;
      for (int64_t k = 0; k < count; ++k) {
        left[static_cast<size_t>(k)] = dy.at(point, begin + k) + kTileStep<T> * part.first;
        right[static_cast<size_t>(k)] =
            x.at(point, begin + k) + kTileStep<T> * (part.parity * s.ci + part.first_channel);
      }
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t row = part.outputs * t / tiles, rows = part.outputs * (t + 1) / tiles - row;
        kernels.outer_tile[vectors][rows]({left.data(), right.data(), row, 0, 0, 0, count,
                                           sums + (point * part.outputs + row) * part.channels, part.channels,
                                           begin > 0 || !first_pass});
      }
    }
  }
}

template <typename T>
void add_up(const Conv2dShape& s, const Part& part, const T* sums, GradMode mode, T* dw) {
  for (int64_t o = 0; o < part.outputs; ++o) {
    const T* from[kP][kP];
    T* to[2][2];
    for (int64_t i = 0; i < kP; ++i)
      for (int64_t j = 0; j < kP; ++j) from[i][j] = sums + ((i * kP + j) * part.outputs + o) * part.channels;
    for (int64_t i = 0; i < 2; ++i)
      for (int64_t j = 0; j < 2; ++j) {
        const int64_t ky = part.parity / 2 + 2 * i, kx = part.parity % 2 + 2 * j;
        to[i][j] = dw + (((part.first + o) * kK + ky) * kK + kx) * s.ci + part.first_channel;
      }
    winograd_transform<PointSums>(from, part.channels, to, mode == GradMode::kAccumulate);
  }
}

}  // namespace

template <typename T>
int64_t conv2d_winograd_weight_workspace_bytes(const Context& ctx, const TileKernels<T>& kernels,
                                               const Conv2dShape& s) {
  return Layout<T>(ctx, kernels, s).bytes(ctx.threads());
}

template <typename T>
void conv2d_winograd_backward_weight(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s,
                                     const T* x, const T* dy, SumOf<T>* dw, GradMode mode) {
  const Layout<T> layout(ctx, kernels, s);
  auto* memory = static_cast<std::byte*>(ctx.workspace(layout.bytes(ctx.threads())));
  const Points<T> x_points(memory, layout.x_values(s), layout.terms);
  const Points<T> dy_points(memory + layout.x_bytes, layout.dy_values(s), layout.terms);
  T* zeros = reinterpret_cast<T*>(memory + layout.x_bytes + layout.dy_bytes);
  std::fill_n(zeros, std::max(s.ci, s.co), T{});
  std::byte* sums = reinterpret_cast<std::byte*>(zeros) + layout.zero_bytes;
  for (int64_t pass = 0; pass < layout.passes.count; ++pass) {
    const int64_t begin = layout.passes.begin(pass), squares = layout.passes.begin(pass + 1) - begin;
    const int64_t terms = terms_of<T>(squares);
    constexpr int64_t kBlock = 8;
    ctx.parallel_blocks(terms, kBlock, [&](int64_t from, int64_t to, int) {
      for (int64_t k = from; k < to; ++k)
        make_points(s, x, dy, begin, squares, k, zeros, x_points, dy_points);
    });
    ctx.parallel(layout.tasks(), [&](int64_t task, int worker) {
      const Part part = part_of(layout, s, task);
      auto* mine = reinterpret_cast<SumOf<T>*>(sums + (layout.one_pass() ? worker : task) * layout.sum_bytes);
      multiply(kernels, s, part, x_points, dy_points, terms, pass == 0, mine);
      if (pass + 1 == layout.passes.count) add_up(s, part, mine, mode, dw);
    });
  }
}

#define INPAINT_INSTANTIATE(T)                                                                             \
  template int64_t conv2d_winograd_weight_workspace_bytes(const Context&, const TileKernels<T>&,           \
                                                          const Conv2dShape&);                             \
  template void conv2d_winograd_backward_weight(const Context&, const TileKernels<T>&, const Conv2dShape&, \
                                                const T*, const T*, SumOf<T>*, GradMode);
INPAINT_INSTANTIATE(float)
INPAINT_INSTANTIATE(double)
INPAINT_INSTANTIATE(bf16)
#undef INPAINT_INSTANTIATE

}  // namespace inpaint::cpu
