// conv2d by Winograd: the weight gradient; contract in conv2d_winograd_cpu.h. Compute-bound. Step by step,
// all threads make the points of x and dy, and multiply: a task sums the products of some outputs, a panel of
// channels and one parity over all squares of the step, and behind the last one adds them up into dw.
#include <algorithm>
#include <array>
#include <cstddef>

#include "kernels/conv/conv2d_winograd_cpu.h"
#include "kernels/conv/conv2d_winograd_squares_cpu.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kTaskOutputs = 96;  // at most; a point's sums of a panel take 24 KB
constexpr int64_t kTerms = 256;       // squares, or in bf16 pairs of them, of a step at most

// What the windows differ in: the points of an axis, the steps, and the parities of x along each axis, which
// have kernels of their own.
struct Halving {
  using Signal = SignalPoints;
  using Gradient = PairPoints;
  using Sums = PointSums;
  static constexpr int64_t kK = kHalving.kernel, kAxisParities = 2, kPassBytes = int64_t{8} << 20;

  template <typename T>
  static Window<T, Signal::kFrom> window(const Conv2dShape& s, const T* x, const Square& square,
                                         int64_t parity, const T* zeros) {
    return signal_window(s, x, square, parity, zeros);
  }
};

struct Wide {
  using Signal = WideSignalPoints;
  using Gradient = WidePairPoints;
  using Sums = KernelSums;
  static constexpr int64_t kK = 3, kAxisParities = 1, kPassBytes = int64_t{1} << 20;

  template <typename T>
  static Window<T, Signal::kFrom> window(const Conv2dShape& s, const T* x, const Square& square, int64_t,
                                         const T* zeros) {
    return wide_window(s, x, s.ci, square, zeros);
  }
};

template <typename Kind>
constexpr int kP = Kind::Signal::kTo;
template <typename Kind>
constexpr int64_t kProducts = kP<Kind>* kP<Kind>;
template <typename Kind>
constexpr int64_t kParities = Kind::kAxisParities* Kind::kAxisParities;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t value, int64_t multiple) { return ceil_div(value, multiple) * multiple; }

// Rows of points that squares make.
template <typename T>
int64_t terms_of(int64_t squares) {
  return ceil_div(squares, kTileStep<T>);
}

// The workspace: the points of x and of dy of a step, zeros, and the sums of every task; where there is one
// step, of every worker.
template <typename Kind, typename T>
struct Layout {
  int64_t width, panels, cuts;  // cuts of the outputs
  Passes passes;
  int64_t terms;  // of a step, at most
  int64_t x_bytes, dy_bytes, zero_bytes, sum_bytes;

  Layout(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s)
      : width(kernels.lanes * kernels.vectors),
        panels(ceil_div(s.ci, width)),
        passes(squares_of(s),
               Points<T>::bytes(kProducts<Kind>, kParities<Kind> * s.ci, 1) +
                   Points<T>::bytes(kProducts<Kind>, s.co, 1),
               Kind::kPassBytes),
        terms(std::min(kTerms, terms_of<T>(passes.most()))),
        x_bytes(round_up(Points<T>::bytes(kProducts<Kind>, x_values(s), terms), 64)),
        dy_bytes(round_up(Points<T>::bytes(kProducts<Kind>, dy_values(s), terms), 64)),
        zero_bytes(round_up(std::max(s.ci, s.co) * static_cast<int64_t>(sizeof(T)), 64)) {
    // Every thread should have some tasks, of outputs enough for a few tiles. No cut changes a sum.
    constexpr int64_t kTasksPerThread = 3, kFewOutputs = 24;
    const int64_t wanted = ceil_div(kTasksPerThread * ctx.threads(), panels * kParities<Kind>);
    cuts = std::max(ceil_div(s.co, kTaskOutputs), std::min(wanted, ceil_div(s.co, kFewOutputs)));
    sum_bytes = kProducts<Kind> * ceil_div(s.co, cuts) * width * static_cast<int64_t>(sizeof(SumOf<T>));
  }

  // The number of values in a row of a point.
  static int64_t x_values(const Conv2dShape& s) { return kTileStep<T> * kParities<Kind> * s.ci; }
  static int64_t dy_values(const Conv2dShape& s) { return kTileStep<T> * s.co; }

  int64_t tasks() const { return cuts * panels * kParities<Kind>; }
  bool one_step() const { return terms_of<T>(passes.squares) <= terms; }
  int64_t bytes(int threads) const {
    return x_bytes + dy_bytes + zero_bytes + sum_bytes * (one_step() ? threads : tasks());
  }
};

// Row k of the points of x, [products, parities, ci], and of dy, [products, co]: those of square k of the
// `squares` from `begin` on, or in bf16 of squares 2 k and 2 k + 1, alternating.
template <typename Kind, typename T>
void make_points(const Conv2dShape& s, const T* x, const T* dy, int64_t begin, int64_t squares, int64_t k,
                 const T* zeros, const Points<T>& x_points, const Points<T>& dy_points) {
  const auto x_window = [&](int64_t i, int64_t parity) {
    return i < squares ? Kind::window(s, x, square_at(s, begin + i), parity, zeros)
                       : Window<T, Kind::Signal::kFrom>(zeros);
  };
  const auto dy_window = [&](int64_t i) {
    if (i >= squares) return Window<T, 2>(zeros);
    const auto [n, top, left] = square_at(s, begin + i);
    return Window<T, 2>(dy, s.ho(), s.wo(), s.co, n, top, left, s.window.dilation, zeros);
  };
  const PointTargets<T, kP<Kind>> dy_targets(dy_points, k, 0);
  if constexpr (kTileStep<T> == 1) {
    for (int64_t parity = 0; parity < kParities<Kind>; ++parity)
      winograd_transform<typename Kind::Signal>(x_window(k, parity).pixel, s.ci,
                                                PointTargets<T, kP<Kind>>(x_points, k, parity * s.ci).point);
    winograd_transform<typename Kind::Gradient>(dy_window(k).pixel, s.co, dy_targets.point);
  } else {
    for (int64_t parity = 0; parity < kParities<Kind>; ++parity)
      winograd_transform_pairs<typename Kind::Signal>(
          x_window(2 * k, parity).pixel, x_window(2 * k + 1, parity).pixel, s.ci,
          PointTargets<T, kP<Kind>>(x_points, k, 2 * parity * s.ci).point);
    winograd_transform_pairs<typename Kind::Gradient>(dy_window(2 * k).pixel, dy_window(2 * k + 1).pixel,
                                                      s.co, dy_targets.point);
  }
}

// What a task sums: outputs [first, first + outputs), channels from first_channel on in whole vectors,
// a parity.
struct Part {
  int64_t first, outputs, first_channel, channels, parity;
};

template <typename Kind, typename T>
Part part_of(const Layout<Kind, T>& layout, const Conv2dShape& s, int64_t task) {
  const int64_t cut = task % layout.cuts, group = task / layout.cuts, first = s.co * cut / layout.cuts,
                first_channel = group / kParities<Kind> * layout.width;
  return {first, s.co * (cut + 1) / layout.cuts - first, first_channel,
          std::min(layout.width, s.ci - first_channel), group % kParities<Kind>};
}

// Adds the products of a step to sums [products, outputs, channels].
template <typename Kind, typename T>
void multiply(const TileKernels<T>& kernels, const Conv2dShape& s, const Part& part, const Points<T>& x,
              const Points<T>& dy, int64_t terms, bool first_step, SumOf<T>* sums) {
  const int64_t vectors = part.channels / kernels.lanes, height = kernels.rows(vectors),
                tiles = ceil_div(part.outputs, height);
  for (int64_t point = 0; point < kProducts<Kind>; ++point) {
    std::array<const T*, kTerms> left, right;
    for (int64_t k = 0; k < terms; ++k) {
      left[static_cast<size_t>(k)] = dy.at(point, k) + kTileStep<T> * part.first;
      right[static_cast<size_t>(k)] =
          x.at(point, k) + kTileStep<T> * (part.parity * s.ci + part.first_channel);
    }
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t row = part.outputs * t / tiles, rows = part.outputs * (t + 1) / tiles - row;
      kernels.outer_tile[vectors][rows]({left.data(), right.data(), row, 0, 0, 0, terms,
                                         sums + (point * part.outputs + row) * part.channels, part.channels,
                                         !first_step});
    }
  }
}

template <typename Kind, typename T>
void add_up(const Conv2dShape& s, const Part& part, const T* sums, GradMode mode, T* dw) {
  constexpr int P = Kind::Sums::kFrom, kTaps = Kind::Sums::kTo;
  for (int64_t o = 0; o < part.outputs; ++o) {
    const T* from[P][P];
    T* to[kTaps][kTaps];
    for (int64_t i = 0; i < P; ++i)
      for (int64_t j = 0; j < P; ++j) from[i][j] = sums + ((i * P + j) * part.outputs + o) * part.channels;
    for (int64_t i = 0; i < kTaps; ++i)
      for (int64_t j = 0; j < kTaps; ++j) {
        const int64_t ky = part.parity / Kind::kAxisParities + Kind::kAxisParities * i,
                      kx = part.parity % Kind::kAxisParities + Kind::kAxisParities * j;
        to[i][j] = dw + (((part.first + o) * Kind::kK + ky) * Kind::kK + kx) * s.ci + part.first_channel;
      }
    winograd_transform<typename Kind::Sums>(from, part.channels, to, mode == GradMode::kAccumulate);
  }
}

template <typename Kind, typename T>
void backward_weight(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s, const T* x,
                     const T* dy, SumOf<T>* dw, GradMode mode) {
  const Layout<Kind, T> layout(ctx, kernels, s);
  auto* memory = static_cast<std::byte*>(ctx.workspace(layout.bytes(ctx.threads())));
  const Points<T> x_points(memory, layout.x_values(s), layout.terms);
  const Points<T> dy_points(memory + layout.x_bytes, layout.dy_values(s), layout.terms);
  T* zeros = reinterpret_cast<T*>(memory + layout.x_bytes + layout.dy_bytes);
  std::fill_n(zeros, std::max(s.ci, s.co), T{});
  std::byte* sums = reinterpret_cast<std::byte*>(zeros) + layout.zero_bytes;
  for (int64_t pass = 0, begin = 0, squares = 0; begin < layout.passes.squares; begin += squares) {
    while (layout.passes.begin(pass) <= begin) ++pass;
    squares = std::min(kTerms * kTileStep<T>, layout.passes.begin(pass) - begin);
    const bool last = begin + squares == layout.passes.squares;
    const int64_t terms = terms_of<T>(squares);
    constexpr int64_t kBlock = 8;
    ctx.parallel_blocks(terms, kBlock, [&](int64_t from, int64_t to, int) {
      for (int64_t k = from; k < to; ++k)
        make_points<Kind>(s, x, dy, begin, squares, k, zeros, x_points, dy_points);
    });
    ctx.parallel(layout.tasks(), [&](int64_t task, int worker) {
      const Part part = part_of<Kind>(layout, s, task);
      auto* mine = reinterpret_cast<SumOf<T>*>(sums + (layout.one_step() ? worker : task) * layout.sum_bytes);
      multiply<Kind>(kernels, s, part, x_points, dy_points, terms, begin == 0, mine);
      if (last) add_up<Kind>(s, part, mine, mode, dw);
    });
  }
}

}  // namespace

template <typename T>
int64_t conv2d_winograd_weight_workspace_bytes(const Context& ctx, const TileKernels<T>& kernels,
                                               const Conv2dShape& s) {
  return s.window == kHalving ? Layout<Halving, T>(ctx, kernels, s).bytes(ctx.threads())
                              : Layout<Wide, T>(ctx, kernels, s).bytes(ctx.threads());
}

template <typename T>
void conv2d_winograd_backward_weight(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s,
                                     const T* x, const T* dy, SumOf<T>* dw, GradMode mode) {
  if (s.window == kHalving) return backward_weight<Halving>(ctx, kernels, s, x, dy, dw, mode);
  backward_weight<Wide>(ctx, kernels, s, x, dy, dw, mode);
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
