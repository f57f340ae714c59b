// conv2d by register tiles: the weight gradient; contract in conv2d.h. Compute-bound; the sums run over
// blocks of output pixels whose gradients and inputs stay in the second-level cache.
#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <tuple>

#include "kernels/conv/conv2d_tile_cpu.h"
#include "kernels/conv/conv2d_windows_cpu.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kBlock = 256;  // output pixels

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t value, int64_t multiple) { return ceil_div(value, multiple) * multiple; }

int64_t output_pixels(const Conv2dShape& s) { return s.n * s.ho() * s.wo(); }
int64_t places(const Conv2dShape& s) { return s.window.kernel * s.window.kernel; }
int64_t window(const Conv2dShape& s) { return places(s) * s.ci; }

// Adds left^T right to rows [begin, end) of out.
template <typename T>
void outer_product(const TileKernels<T>& kernels, int64_t begin, int64_t end, int64_t vectors,
                   OuterTile<T> tile) {
  const int64_t rows = end - begin, tiles = ceil_div(rows, kernels.rows(vectors));
  SumOf<T>* out = tile.out;
  const int64_t right_ahead = tile.right_ahead;
  for (int64_t t = 0; t < tiles; ++t) {
    const int64_t first = begin + rows * t / tiles, height = begin + rows * (t + 1) / tiles - first;
    tile.left_offset = first;
    tile.right_ahead =
        right_ahead == 0 ? 0 : right_ahead + t % vectors * kernels.lanes * kTileStep<T>;  // one line a tile
    tile.out = out + first * tile.out_stride;
    kernels.outer_tile[vectors][height](tile);
  }
}

// How far values lie beyond others in memory, for a tile that fetches them while it reads the others.
template <typename T>
int64_t distance(const T* from, const T* to) {
  return (reinterpret_cast<intptr_t>(to) - reinterpret_cast<intptr_t>(from)) /
         static_cast<intptr_t>(sizeof(T));
}

// Output pixels along one axis.
struct Range {
  int64_t begin, end;
  friend bool operator==(const Range&, const Range&) = default;
  friend auto operator<=>(const Range&, const Range&) = default;
};

// Those whose place k lies in the picture. `side`: the picture's.
Range outputs_of(const Conv2dWindow& w, int64_t side, int64_t k) {
  const int64_t before = w.pad - w.dilation * k;  // of output 0
  const int64_t outputs = w.outputs(side), end = side + before;
  return {std::clamp<int64_t>(ceil_div(std::max<int64_t>(before, 0), w.stride), 0, outputs),
          std::clamp<int64_t>(ceil_div(std::max<int64_t>(end, 0), w.stride), 0, outputs)};
}

// A place of the window, and the output pixels for which it lies in the picture.
struct Place {
  int64_t ky, kx;
  Range rows, columns;

  bool has_pixels_of(const Place& other) const { return rows == other.rows && columns == other.columns; }
  bool has_all_pixels(const Conv2dShape& s) const {
    return rows == Range{0, s.ho()} && columns == Range{0, s.wo()};
  }
  // Places that read the same pixels of x, a stride apart, are a multiple of stride^2 apart.
  int64_t number(const Conv2dWindow& w) const {
    return (ky / w.stride * (w.kernel / w.stride) + kx / w.stride) * w.stride * w.stride +
           ky % w.stride * w.stride + kx % w.stride;
  }
};

// The places of a window; those with the same output pixels follow each other.
class Places {
 public:
  explicit Places(const Conv2dShape& s) : count_(places(s)) {
    for (int64_t i = 0; i < count_; ++i) {
      const int64_t ky = i / s.window.kernel, kx = i % s.window.kernel;
      all_[static_cast<size_t>(i)] = {ky, kx, outputs_of(s.window, s.h, ky), outputs_of(s.window, s.w, kx)};
    }
    std::sort(all_.begin(), all_.begin() + count_, [](const Place& a, const Place& b) {
      return std::tie(a.rows, a.columns, a.ky, a.kx) < std::tie(b.rows, b.columns, b.ky, b.kx);
    });
  }

  const Place* begin() const { return all_.data(); }
  const Place* end() const { return all_.data() + count_; }

 private:
  int64_t count_;
  std::array<Place, kMaxProductWindow * kMaxProductWindow> all_;
};

// The output pixels of a block for which a place lies in the picture.
template <typename T>
struct PixelPairs {
  const T *dy[kBlock], *x[kBlock];
  int64_t count;
};

template <typename T>
void find_pairs(const Conv2dShape& s, int64_t begin, int64_t end, const Place& place, const T* x, const T* dy,
                PixelPairs<T>& pairs) {
  const Conv2dWindow& w = s.window;
  const int64_t gh = s.ho(), gw = s.wo();
  int64_t count = 0;
  for (int64_t m = begin; m < end;) {
    const int64_t line = m / gw, i = line % gh, n = line / gh;
    const int64_t line_end = std::min(end, (line + 1) * gw);
    if (i >= place.rows.begin && i < place.rows.end) {
      const int64_t first = std::max(m - line * gw, place.columns.begin);
      const int64_t last = std::min(line_end - line * gw, place.columns.end);
      const int64_t y = w.stride * i + w.dilation * place.ky - w.pad,
                    column = w.stride * first + w.dilation * place.kx - w.pad;
      const T* left = dy + (line * gw + first) * s.co;
      const T* right = x + ((n * s.h + y) * s.w + column) * s.ci;
      for (int64_t j = first; j < last; ++j, ++count, left += s.co, right += w.stride * s.ci) {
        pairs.dy[count] = left;
        pairs.x[count] = right;
      }
    }
    m = line_end;
  }
  pairs.count = count;
}

// Parts of the output pixels that are summed apart and then added up in order; the first one is dw itself.
// They let every thread read pixels of its own where dw is small. By the shape alone: the order of the sums
// depends on it.
int64_t parts_of(const Conv2dShape& s, DType dtype) {
  constexpr int64_t kMaxParts = 8, kFewPixels = 2048, kMaxBytes = int64_t{4} << 20;
  const int64_t bytes = s.co * window(s) * size_of(parameter_dtype(dtype));
  return std::clamp<int64_t>(std::min(output_pixels(s) / kFewPixels, kMaxBytes / bytes), 1, kMaxParts);
}

// Part `part` of the output pixels [begin, end), and where its sums go.
template <typename T>
struct Part {
  int64_t begin, end;
  SumOf<T>* dw;
  bool accumulate;
};

template <typename T>
Part<T> part_of(const Conv2dShape& s, int64_t part, SumOf<T>* dw, SumOf<T>* sums, GradMode mode) {
  const int64_t parts = parts_of(s, kDTypeOf<T>), m = output_pixels(s), size = s.co * window(s);
  return {m * part / parts, m * (part + 1) / parts, part == 0 ? dw : sums + (part - 1) * size,
          part == 0 && mode == GradMode::kAccumulate};
}

template <typename T>
void add_parts(const Context& ctx, const Conv2dShape& s, const SumOf<T>* sums, SumOf<T>* dw) {
  const int64_t parts = parts_of(s, kDTypeOf<T>), size = s.co * window(s);
  if (parts == 1) return;
  ctx.parallel_blocks(size, 4096, [&](int64_t begin, int64_t end, int) {
    for (int64_t part = 1; part < parts; ++part)
      for (int64_t i = begin; i < end; ++i) dw[i] += sums[(part - 1) * size + i];
  });
}

// What one task computes of a part's dw: some places of the window, a panel of channels, some outputs. None
// of these cuts changes a sum, so they may depend on the number of threads.
struct Cut {
  int64_t places, panels, outputs;  // numbers of cuts
};

template <typename T>
Cut cut_of(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s) {
  constexpr int64_t kTasksPerThread = 3, kFewOutputs = 24, kNearBytes = 256 << 10;
  const int64_t width = kernels.lanes * kernels.vectors;
  Cut cut{1, ceil_div(s.ci, width), 1};
  // The sums of a task should stay near. Places cut so read different pixels of x: that comes first.
  const int64_t few = s.window.kernel;
  if (s.co * places(s) * width * static_cast<int64_t>(sizeof(SumOf<T>)) > kNearBytes) cut.places = few;
  const int64_t wanted = ctx.threads() == 1 ? 1 : kTasksPerThread * ctx.threads();
  const auto tasks = [&] { return parts_of(s, kDTypeOf<T>) * cut.places * cut.panels * cut.outputs; };
  if (tasks() < wanted) cut.places = few;
  if (tasks() < wanted)
    cut.outputs = std::clamp<int64_t>(ceil_div(wanted, tasks()), 1, ceil_div(s.co, kFewOutputs));
  if (tasks() < wanted) cut.places = places(s);
  return cut;
}

// The values of a window as a row, in whole vectors of any instruction set: the last ones may be 0.
int64_t window_row(const Conv2dShape& s) { return round_up(window(s), 16); }

// The workspace: the sums of all parts but the first; then for each worker the windows of a block, in bf16
// the block's operands in pairs, and the sums of rows that are longer than windows.
template <typename T>
struct Scratch {
  SumOf<T>* sums;
  T *windows, *left, *right;
  SumOf<T>* row_sums;

  Scratch(const Context& ctx, const Conv2dShape& s, int worker) {
    auto* memory =
        static_cast<std::byte*>(ctx.workspace(conv2d_tile_weight_workspace_bytes(ctx, s, kDTypeOf<T>)));
    sums = reinterpret_cast<SumOf<T>*>(memory);
    windows = reinterpret_cast<T*>(memory + sums_bytes(s) + worker * worker_bytes(s));
    left = windows + kBlock * window_row(s);
    right = left + kBlock / 2 * left_stride(s.co);
    row_sums = reinterpret_cast<SumOf<T>*>(reinterpret_cast<std::byte*>(windows) + operand_bytes(s));
  }

  // The values of a pair of rows, with a cache line between them: at a power of two they would share a few
  // cache sets.
  static int64_t left_stride(int64_t outputs) { return 2 * outputs + 64 / static_cast<int64_t>(sizeof(T)); }

  static int64_t sums_bytes(const Conv2dShape& s) {
    return round_up(
        (parts_of(s, kDTypeOf<T>) - 1) * s.co * window(s) * static_cast<int64_t>(sizeof(SumOf<T>)), 64);
  }
  static int64_t operand_bytes(const Conv2dShape& s) {
    const int64_t pairs = kTileStep<T> == 1 ? 0 : kBlock / 2 * (left_stride(s.co) + 2 * window_row(s));
    return round_up((kBlock * window_row(s) + pairs) * static_cast<int64_t>(sizeof(T)), 64);
  }
  static int64_t worker_bytes(const Conv2dShape& s) {
    const int64_t sums = window_row(s) == window(s) ? 0 : s.co * window_row(s);
    return operand_bytes(s) + sums * static_cast<int64_t>(sizeof(SumOf<T>));
  }
};

// The operands in pairs, in the scratch memory: `outputs` values of dy from first_output on, packed anew
// where the pixels are others than before, and `channels` of x from first_channel on. For bf16.
template <typename T>
void interleave(const TileKernels<T>& kernels, bool new_pixels, int64_t first_output, int64_t outputs,
                int64_t first_channel, int64_t channels, const Scratch<T>& scratch, PixelPairs<T>& pairs) {
  const int64_t left_stride = Scratch<T>::left_stride(outputs), right_stride = 2 * channels;
  if (new_pixels) kernels.interleave(pairs.dy, pairs.count, first_output, outputs, scratch.left, left_stride);
  kernels.interleave(pairs.x, pairs.count, first_channel, channels, scratch.right, right_stride);
  pairs.count = (pairs.count + 1) / 2;
  for (int64_t k = 0; k < pairs.count; ++k) {
    pairs.dy[k] = scratch.left + k * left_stride;
    pairs.x[k] = scratch.right + k * right_stride;
  }
}

template <typename T>
void by_pixels(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s, const T* x,
               const T* dy, SumOf<T>* dw, GradMode mode) {
  const Cut cut = cut_of(ctx, kernels, s);
  const Places window_places(s);
  const int64_t width = kernels.lanes * kernels.vectors, cuts = cut.places * cut.panels * cut.outputs;
  const int64_t step = s.window.stride * s.window.stride;  // pixels of x for each of y
  ctx.parallel(parts_of(s, kDTypeOf<T>) * cuts, [&](int64_t task, int worker) {
    const Scratch<T> scratch(ctx, s, worker);
    const Part<T> part = part_of<T>(s, task / cuts, dw, scratch.sums, mode);
    const int64_t task_places = task % cuts / (cut.panels * cut.outputs);
    const int64_t first_channel = task / cut.outputs % cut.panels * width;
    const int64_t channels = std::min(width, s.ci - first_channel);
    const int64_t outputs = task % cut.outputs, first_output = s.co * outputs / cut.outputs,
                  end_output = s.co * (outputs + 1) / cut.outputs;
    PixelPairs<T> pairs;
    for (int64_t begin = part.begin; begin < part.end || begin == part.begin; begin += kBlock) {
      const Place* packed = nullptr;
      int64_t fetches = 0;
      for (const Place& place : window_places) {
        const int64_t fetch = place.has_all_pixels(s) ? fetches++ : -1;
        if (place.number(s.window) % cut.places != task_places) continue;
        find_pairs(s, begin, std::min(part.end, begin + kBlock), place, x, dy, pairs);
        OuterTile<T> tile{
            pairs.dy,    pairs.x,
            0,           first_channel,
            0,           0,
            pairs.count, part.dw + (place.ky * s.window.kernel + place.kx) * s.ci + first_channel,
            window(s),   part.accumulate || begin > part.begin};
        if constexpr (kTileStep<T> == 1) {
          if (fetch >= 0) {  // the next block's operands are fetched once
            tile.left_ahead = kBlock * s.co;
            tile.right_ahead = kBlock * step * s.ci;
          }
          outer_product(kernels, first_output, end_output, channels / kernels.lanes, tile);
        } else {
          interleave(kernels, packed == nullptr || !packed->has_pixels_of(place), first_output,
                     end_output - first_output, first_channel, channels, scratch, pairs);
          packed = &place;
          tile.count = pairs.count;
          tile.right_offset = 0;
          // The next block is fetched; of x, each of the places with all pixels (four if halving) a part.
          if (fetch >= 0) {
            const int64_t next = begin + kBlock;
            tile.left_ahead = distance(scratch.left, dy + next * s.co + first_output);
            if (cut.places == 1)
              tile.right_ahead =
                  distance(scratch.right, x + (step * next + fetch * kBlock) * s.ci + first_channel);
          }
          tile.out += first_output * window(s);
          outer_product(kernels, 0, end_output - first_output, channels / kernels.lanes, tile);
        }
      }
    }
  });
  add_parts<T>(ctx, s, Scratch<T>(ctx, s, 0).sums, dw);
}

// The sums of windows whose rows are longer than they.
template <typename T>
void add_rows(const Conv2dShape& s, const SumOf<T>* sums, const Part<T>& part) {
  for (int64_t o = 0; o < s.co; ++o)
    for (int64_t i = 0; i < window(s); ++i) {
      SumOf<T>& to = part.dw[o * window(s) + i];
      to = part.accumulate ? to + sums[o * window_row(s) + i] : sums[o * window_row(s) + i];
    }
}

template <typename T>
void by_windows(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s, const T* x,
                const T* dy, SumOf<T>* dw, GradMode mode) {
  const int64_t width = kernels.lanes * kernels.vectors, row = window_row(s);
  const bool whole = row == window(s);
  ctx.parallel(parts_of(s, kDTypeOf<T>), [&](int64_t index, int worker) {
    const Scratch<T> scratch(ctx, s, worker);
    const Part<T> part = part_of<T>(s, index, dw, scratch.sums, mode);
    SumOf<T>* sums = whole ? part.dw : scratch.row_sums;
    PixelPairs<T> pairs;
    std::fill_n(scratch.windows, whole ? 0 : kBlock * row, T{});
    for (int64_t begin = part.begin; begin < part.end || begin == part.begin; begin += kBlock) {
      const int64_t end = std::min(part.end, begin + kBlock);
      copy_windows(s, begin, end, x, scratch.windows, row);
      pairs.count = end - begin;
      for (int64_t k = 0; k < pairs.count; ++k) {
        pairs.dy[k] = dy + (begin + k) * s.co;
        pairs.x[k] = scratch.windows + k * row;
      }
      int64_t left_ahead = kBlock * s.co;
      if constexpr (kTileStep<T> != 1) {
        interleave(kernels, true, 0, s.co, 0, row, scratch, pairs);
        left_ahead = distance(scratch.left, dy + end * s.co);
      }
      for (int64_t first = 0; first < row; first += width)
        outer_product(kernels, 0, s.co, std::min(width, row - first) / kernels.lanes,
                      {pairs.dy, pairs.x, 0, first, left_ahead, 0, pairs.count, sums + first, row,
                       (whole && part.accumulate) || begin > part.begin});
    }
    if (!whole) add_rows(s, sums, part);
  });
  add_parts<T>(ctx, s, Scratch<T>(ctx, s, 0).sums, dw);
}

}  // namespace

int64_t conv2d_tile_weight_workspace_bytes(const Context& ctx, const Conv2dShape& s, DType dtype) {
  const auto bytes = [&]<typename T>(Scratch<T>*) {
    return Scratch<T>::sums_bytes(s) + ctx.threads() * Scratch<T>::worker_bytes(s);
  };
  switch (dtype) {
    case DType::kBF16:
      return bytes(static_cast<Scratch<bf16>*>(nullptr));
    case DType::kF32:
      return bytes(static_cast<Scratch<float>*>(nullptr));
    default:
      return bytes(static_cast<Scratch<double>*>(nullptr));
  }
}

template <typename T>
void conv2d_tile_backward_weight(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s,
                                 const T* x, const T* dy, SumOf<T>* dw, GradMode mode) {
  if (s.ci % kernels.lanes == 0) return by_pixels(ctx, kernels, s, x, dy, dw, mode);
  by_windows(ctx, kernels, s, x, dy, dw, mode);
}

#define INPAINT_INSTANTIATE(T)                                                                         \
  template void conv2d_tile_backward_weight(const Context&, const TileKernels<T>&, const Conv2dShape&, \
                                            const T*, const T*, SumOf<T>*, GradMode);
INPAINT_INSTANTIATE(float)
INPAINT_INSTANTIATE(double)
INPAINT_INSTANTIATE(bf16)
#undef INPAINT_INSTANTIATE

}  // namespace inpaint::cpu
