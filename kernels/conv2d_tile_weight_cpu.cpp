// conv2d by register tiles: the weight gradient; contract in conv2d.h. Compute-bound; the sums run over
// blocks of output pixels whose gradients and inputs stay in the second-level cache.
#include "kernels/conv2d_tile_weight_cpu.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "kernels/conv2d_tile_cpu.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kK = Conv2dShape::kKernel, kStride = Conv2dShape::kStride, kPad = Conv2dShape::kPad;
constexpr int64_t kBlock = 256;  // output pixels

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t value, int64_t multiple) { return ceil_div(value, multiple) * multiple; }

int64_t output_pixels(const Conv2dShape& s) { return s.n * (s.h / kStride) * (s.w / kStride); }
int64_t window(const Conv2dShape& s) { return kK * kK * s.ci; }

// Adds left^T right to rows [begin, end) of out.
template <typename T>
void outer_product(const TileKernels<T>& kernels, int64_t begin, int64_t end, int64_t vectors,
                   OuterTile<T> tile) {
  const int64_t rows = end - begin, tiles = ceil_div(rows, kernels.rows(vectors));
  T* out = tile.out;
  const int64_t right_ahead = tile.right_ahead;
  for (int64_t t = 0; t < tiles; ++t) {
    const int64_t first = begin + rows * t / tiles, height = begin + rows * (t + 1) / tiles - first;
    tile.left_offset = first;
    tile.right_ahead = right_ahead == 0 ? 0 : right_ahead + t % vectors * kernels.lanes;  // one line a tile
    tile.out = out + first * tile.out_stride;
    kernels.outer_tile[vectors][height](tile);
  }
}

// The output pixels of a block for which place (ky, kx) of the window lies in the picture.
template <typename T>
struct PixelPairs {
  const T *dy[kBlock], *x[kBlock];
  int64_t count;
};

template <typename T>
void find_pairs(const Conv2dShape& s, int64_t begin, int64_t end, int64_t ky, int64_t kx, const T* x,
                const T* dy, PixelPairs<T>& pairs) {
  const int64_t gh = s.h / kStride, gw = s.w / kStride;
  int64_t count = 0;
  for (int64_t m = begin; m < end;) {
    const int64_t line = m / gw, i = line % gh, n = line / gh;
    const int64_t line_end = std::min(end, (line + 1) * gw);
    const int64_t y = kStride * i + ky - kPad;
    if (y >= 0 && y < s.h) {
      const int64_t first = std::max(m - line * gw, kx < kPad ? int64_t{1} : 0);
      const int64_t last = std::min(line_end - line * gw, kx > kPad + 1 ? gw - 1 : gw);
      const T* left = dy + (line * gw + first) * s.co;
      const T* right = x + ((n * s.h + y) * s.w + kStride * first + kx - kPad) * s.ci;
      for (int64_t j = first; j < last; ++j, ++count, left += s.co, right += kStride * s.ci) {
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
  const int64_t bytes = s.co * window(s) * size_of(dtype);
  return std::clamp<int64_t>(std::min(output_pixels(s) / kFewPixels, kMaxBytes / bytes), 1, kMaxParts);
}

// Part `part` of the output pixels [begin, end), and where its sums go.
template <typename T>
struct Part {
  int64_t begin, end;
  T* dw;
  bool accumulate;
};

template <typename T>
Part<T> part_of(const Conv2dShape& s, int64_t part, T* dw, T* sums, GradMode mode) {
  const int64_t parts = parts_of(s, kDTypeOf<T>), m = output_pixels(s), size = s.co * window(s);
  return {m * part / parts, m * (part + 1) / parts, part == 0 ? dw : sums + (part - 1) * size,
          part == 0 && mode == GradMode::kAccumulate};
}

template <typename T>
void add_parts(const Context& ctx, const Conv2dShape& s, const T* sums, T* dw) {
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
  // The sums of a task should stay near. Places cut by parity read different pixels of x: that comes first.
  if (s.co * kK * kK * width * size_of(kDTypeOf<T>) > kNearBytes) cut.places = 4;
  const int64_t wanted = ctx.threads() == 1 ? 1 : kTasksPerThread * ctx.threads();
  const auto tasks = [&] { return parts_of(s, kDTypeOf<T>) * cut.places * cut.panels * cut.outputs; };
  if (tasks() < wanted) cut.places = 4;
  if (tasks() < wanted)
    cut.outputs = std::clamp<int64_t>(ceil_div(wanted, tasks()), 1, ceil_div(s.co, kFewOutputs));
  if (tasks() < wanted) cut.places = kK * kK;
  return cut;
}

template <typename T>
void by_pixels(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s, const T* x,
               const T* dy, T* dw, GradMode mode) {
  const Cut cut = cut_of(ctx, kernels, s);
  const int64_t width = kernels.lanes * kernels.vectors, cuts = cut.places * cut.panels * cut.outputs;
  T* sums = static_cast<T*>(ctx.workspace(conv2d_tile_weight_workspace_bytes(ctx, s, kDTypeOf<T>)));
  ctx.parallel(parts_of(s, kDTypeOf<T>) * cuts, [&](int64_t task, int) {
    const Part<T> part = part_of(s, task / cuts, dw, sums, mode);
    const int64_t places = task % cuts / (cut.panels * cut.outputs);
    const int64_t first_channel = task / cut.outputs % cut.panels * width, outputs = task % cut.outputs;
    const int64_t vectors = std::min(width, s.ci - first_channel) / kernels.lanes;
    PixelPairs<T> pairs;
    for (int64_t begin = part.begin; begin < part.end || begin == part.begin; begin += kBlock) {
      for (int64_t ky = 0; ky < kK; ++ky) {
        for (int64_t kx = 0; kx < kK; ++kx) {
          const int64_t parity = ky % 2 * 2 + kx % 2, rest = ky / 2 * 2 + kx / 2;
          if ((rest * 4 + parity) % cut.places != places) continue;
          find_pairs(s, begin, std::min(part.end, begin + kBlock), ky, kx, x, dy, pairs);
          // The next block's operands are fetched once: the four middle places hold every pixel.
          const bool middle = ky % 3 != 0 && kx % 3 != 0;
          const OuterTile<T> tile{pairs.dy,
                                  pairs.x,
                                  0,
                                  first_channel,
                                  middle ? kBlock * s.co : 0,
                                  middle ? kBlock * kStride * kStride * s.ci : 0,
                                  pairs.count,
                                  part.dw + (ky * kK + kx) * s.ci + first_channel,
                                  window(s),
                                  part.accumulate || begin > part.begin};
          outer_product(kernels, s.co * outputs / cut.outputs, s.co * (outputs + 1) / cut.outputs, vectors,
                        tile);
        }
      }
    }
  });
  add_parts(ctx, s, sums, dw);
}

// The window of output pixel (i, j) of one picture, [4, 4, ci]; outside the picture 0.
template <typename T, int64_t kChannels>
void copy_window(const Conv2dShape& s, const T* picture, int64_t i, int64_t j, T* to) {
  const int64_t ci = kChannels > 0 ? kChannels : s.ci, run = kK * ci;
  const int64_t left = kStride * j - kPad;
  const bool whole = left >= 0 && left + kK <= s.w;
  for (int64_t ky = 0; ky < kK; ++ky, to += run) {
    const int64_t y = kStride * i + ky - kPad;
    const T* from = picture + (y * s.w + left) * ci;
    if (whole && y >= 0 && y < s.h) {
      std::memcpy(to, from, static_cast<size_t>(run) * sizeof(T));
    } else {
      std::fill_n(to, run, T{0});
      if (y >= 0 && y < s.h)
        std::copy(from + (left < 0 ? ci : 0), from + (left + kK > s.w ? run - ci : run),
                  to + (left < 0 ? ci : 0));
    }
  }
}

// The windows of output pixels [begin, end), [pixels, 4 x 4 x ci].
template <typename T, int64_t kChannels>
void copy_windows(const Conv2dShape& s, int64_t begin, int64_t end, const T* x, T* col) {
  const int64_t gh = s.h / kStride, gw = s.w / kStride;
  int64_t j = begin % gw, i = begin / gw % gh;
  const T* picture = x + begin / gw / gh * s.h * s.w * s.ci;
  for (int64_t m = begin; m < end; ++m, col += window(s)) {
    copy_window<T, kChannels>(s, picture, i, j, col);
    if (++j < gw) continue;
    j = 0;
    if (++i < gh) continue;
    i = 0;
    picture += s.h * s.w * s.ci;
  }
}

int64_t sums_bytes(const Conv2dShape& s, DType dtype) {
  return round_up((parts_of(s, dtype) - 1) * s.co * window(s) * size_of(dtype), 64);
}
int64_t windows_bytes(const Conv2dShape& s, DType dtype) {
  return round_up(kBlock * window(s) * size_of(dtype), 64);
}

template <typename T>
void by_windows(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s, const T* x,
                const T* dy, T* dw, GradMode mode) {
  auto* memory =
      static_cast<std::byte*>(ctx.workspace(conv2d_tile_weight_workspace_bytes(ctx, s, kDTypeOf<T>)));
  T* sums = reinterpret_cast<T*>(memory);
  const int64_t width = kernels.lanes * kernels.vectors;
  ctx.parallel(parts_of(s, kDTypeOf<T>), [&](int64_t index, int worker) {
    T* col =
        reinterpret_cast<T*>(memory + sums_bytes(s, kDTypeOf<T>) + worker * windows_bytes(s, kDTypeOf<T>));
    const Part<T> part = part_of(s, index, dw, sums, mode);
    PixelPairs<T> pairs;
    for (int64_t begin = part.begin; begin < part.end || begin == part.begin; begin += kBlock) {
      const int64_t end = std::min(part.end, begin + kBlock);
      if (s.ci == 1) {
        copy_windows<T, 1>(s, begin, end, x, col);
      } else if (s.ci == 3) {
        copy_windows<T, 3>(s, begin, end, x, col);
      } else {
        copy_windows<T, 0>(s, begin, end, x, col);
      }
      pairs.count = end - begin;
      for (int64_t k = 0; k < pairs.count; ++k) {
        pairs.dy[k] = dy + (begin + k) * s.co;
        pairs.x[k] = col + k * window(s);
      }
      for (int64_t first = 0; first < window(s); first += width)
        outer_product(kernels, 0, s.co, std::min(width, window(s) - first) / kernels.lanes,
                      {pairs.dy, pairs.x, 0, first, kBlock * s.co, 0, pairs.count, part.dw + first, window(s),
                       part.accumulate || begin > part.begin});
    }
  });
  add_parts(ctx, s, sums, dw);
}

}  // namespace

int64_t conv2d_tile_weight_workspace_bytes(const Context& ctx, const Conv2dShape& s, DType dtype) {
  return sums_bytes(s, dtype) + ctx.threads() * windows_bytes(s, dtype);
}

template <typename T>
void conv2d_tile_backward_weight(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s,
                                 const T* x, const T* dy, T* dw, GradMode mode) {
  if (s.ci % kernels.lanes == 0) return by_pixels(ctx, kernels, s, x, dy, dw, mode);
  by_windows(ctx, kernels, s, x, dy, dw, mode);  // 16 ci values fill whole vectors
}

template void conv2d_tile_backward_weight(const Context&, const TileKernels<float>&, const Conv2dShape&,
                                          const float*, const float*, float*, GradMode);
template void conv2d_tile_backward_weight(const Context&, const TileKernels<double>&, const Conv2dShape&,
                                          const double*, const double*, double*, GradMode);

}  // namespace inpaint::cpu
