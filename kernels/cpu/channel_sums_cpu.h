// Sums over the rows of [M, C] by channel, for norms on the CPU: moments of x, sums of gradients.
//
// A tile leaves two numbers per channel, and the row blocks' numbers are merged in the order of the blocks.
// The order of every sum follows from M and C only.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/cpu/channel_tiles_cpu.h"
#include "kernels/grad_mode.h"

namespace inpaint::cpu {

// Two numbers per channel of each row block, [row block, 2, C]. The totals of all row blocks end in block 0.
class ChannelPartials {
 public:
  ChannelPartials(const ChannelTiles& tiles, void* memory)
      : channels_(tiles.channels()), data_(static_cast<double*>(memory)) {}

  static int64_t bytes(const ChannelTiles& tiles) {
    return 2 * tiles.row_blocks() * tiles.channels() * size_of(DType::kF64);
  }

  double* first(int64_t row_block) const { return data_ + 2 * row_block * channels_; }
  double* second(int64_t row_block) const { return first(row_block) + channels_; }

  void put(const ChannelTile& t, const double* a, const double* b) const {
    std::copy_n(a, t.channels, first(t.row_block) + t.first_channel);
    std::copy_n(b, t.channels, second(t.row_block) + t.first_channel);
  }

 private:
  int64_t channels_;
  double* data_;
};

// Adds up the two terms f(position, lane) of all values of a tile, by channel: in the type of arithmetic over
// the rows of a group, in double over the groups. A group of 64 lanes is 1 KiB of the array, as larger ones
// are read more slowly.
template <typename T, typename F>
void tile_sums(const ChannelTile& t, double* first, double* second, F&& f) {
  t.for_each_row_group<16 / sizeof(T)>([&](auto group, int64_t at, int64_t lanes) {
#pragma GCC ivdep
    for (int64_t l = 0; l < lanes; ++l) {
      ArithmeticOf<T> a = 0, b = 0;
      for (int r = 0; r < group(); ++r) {
        const auto [more_a, more_b] = f(at + r * t.stride + l, l);
        a += more_a;
        b += more_b;
      }
      first[l] += static_cast<double>(a);
      second[l] += static_cast<double>(b);
    }
  });
  t.fold(first);
  t.fold(second);
}

// Sums of x - shift and of its square, the shift being the mean of the tile's first rows: one pass, in which
// cancellation costs at most a factor of the tile's rows over those, 16.
template <typename T>
void tile_moments(const ChannelTile& t, const T* x, double* mean, double* m2) {
  using F = ArithmeticOf<T>;
  constexpr int64_t kLanes = ChannelTiles::kLanes;
  alignas(64) double sum[kLanes] = {}, squares[kLanes] = {}, head_sum[kLanes] = {}, unused[kLanes] = {};
  alignas(64) F shift[kLanes];
  const ChannelTile head = t.head();
  tile_sums<T>(head, head_sum, unused, [=](int64_t i, int64_t) { return std::pair{F{x[i]}, F{0}}; });
  t.spread(shift, [&](int64_t c) {
    return static_cast<F>(head_sum[c - t.first_channel] / static_cast<double>(head.rows));
  });
  tile_sums<T>(t, sum, squares, [&](int64_t i, int64_t l) {
    const F d = x[i] - shift[l];
    return std::pair{d, d * d};
  });
  const double n = static_cast<double>(t.rows);
  for (int64_t c = 0; c < t.channels; ++c) {
    mean[c] = static_cast<double>(shift[c]) + sum[c] / n;
    m2[c] = std::max(squares[c] - sum[c] * (sum[c] / n), 0.0);
  }
}

// Merges the row blocks' means and squared deviations in order: Chan, Golub & LeVeque 1979, formula 2.1.
inline void merge_block_moments(const ChannelTiles& tiles, const ChannelPartials& partials, int64_t begin,
                                int64_t end) {
  double *total_mean = partials.first(0), *total_m2 = partials.second(0);
  double n = static_cast<double>(tiles.rows_in_block(0));
  for (int64_t block = 1; block < tiles.row_blocks(); ++block) {
    const double *block_mean = partials.first(block), *block_m2 = partials.second(block);
    const double more = static_cast<double>(tiles.rows_in_block(block)), share = more / (n + more);
#pragma GCC ivdep
    for (int64_t c = begin; c < end; ++c) {
      const double delta = block_mean[c] - total_mean[c];
      total_mean[c] += delta * share;
      total_m2[c] += block_m2[c] + delta * delta * (n * share);
    }
    n += more;
  }
}

// Adds up the row blocks' sums in order.
inline void merge_block_sums(const ChannelTiles& tiles, const ChannelPartials& partials, int64_t begin,
                             int64_t end) {
  double *first = partials.first(0), *second = partials.second(0);
  for (int64_t block = 1; block < tiles.row_blocks(); ++block) {
    const double *more_first = partials.first(block), *more_second = partials.second(block);
    for (int64_t c = begin; c < end; ++c) first[c] += more_first[c];
    for (int64_t c = begin; c < end; ++c) second[c] += more_second[c];
  }
}

// Writes the gradient of a channel's parameter, in one rounding; skips it where `gradient` is null.
template <typename T>
void write_channel_gradient(T* gradient, GradMode mode, int64_t c, double value) {
  if (gradient == nullptr) return;
  gradient[c] =
      static_cast<T>(mode == GradMode::kOverwrite ? value : static_cast<double>(gradient[c]) + value);
}

// 1 / sqrt(variance + epsilon), computed in double.
template <typename T>
T inverse_deviation(T variance, double epsilon) {
  return static_cast<T>(1 / std::sqrt(static_cast<double>(variance) + epsilon));
}

}  // namespace inpaint::cpu
