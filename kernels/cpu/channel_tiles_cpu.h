// How the CPU kernels of this folder cut an array [M, C] whose values belong to channels.
//
// A tile is a block of rows times a chunk of at most kLanes channels, one task. So that loops over channels
// are long also where C is small, `fold` whole rows are read as one wide row of fold * C lanes: lane l holds
// channel l % C, and the lanes of one channel are added at the end of the tile. No wider than that needs:
// with 256 lanes, arrays out of the caches were read at half the rate. The cut depends on M and C only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "core/device/context.h"

namespace inpaint::cpu {

struct ChannelTile {
  int64_t row_block;                // which of row_blocks() the tile lies in
  int64_t rows;                     // of [M, C]
  int64_t first_channel, channels;  // the chunk
  int64_t offset, stride;           // first element; distance of two wide rows
  int64_t lanes, wide_rows;         // fold * channels; whole wide rows
  int64_t rest;                     // lanes of the last, shorter wide row (0: there is none)

  // Its first wide rows, a sixteenth of them but no fewer than eight; all of it where it has fewer.
  ChannelTile head() const {
    ChannelTile first = *this;
    if (wide_rows < 8) return first;
    first.wide_rows = std::max<int64_t>(8, wide_rows / 16);
    first.rows = first.wide_rows * lanes / channels;
    first.rest = 0;
    return first;
  }

  // Lane values from channel values; f(channel) gives them.
  template <typename T, typename F>
  void spread(T* lane_values, F&& f) const {
    for (int64_t c = 0; c < channels; ++c) lane_values[c] = f(first_channel + c);
    for (int64_t l = channels; l < lanes; ++l) lane_values[l] = lane_values[l - channels];
  }

  // Adds the lanes of each channel, in order, into the first `channels` of them.
  void fold(double* lane_values) const {
    for (int64_t l = channels; l < lanes; ++l) lane_values[l % channels] += lane_values[l];
  }

  // Calls f(position of the row's first element, lanes) for every wide row, the short one last.
  template <typename F>
  void for_each_row(F&& f) const {
    for (int64_t r = 0; r < wide_rows; ++r) f(offset + r * stride, lanes);
    if (rest > 0) f(offset + wide_rows * stride, rest);
  }

  // The same in groups of kRows rows and then single ones, f(number of rows as a constant, position, lanes):
  // a sum touches its accumulator once per group, and more of the array is on its way at a time.
  template <int kRows, typename F>
  void for_each_row_group(F&& f) const {
    int64_t r = 0;
    for (; r + kRows <= wide_rows; r += kRows)
      f(std::integral_constant<int, kRows>{}, offset + r * stride, lanes);
    for (; r < wide_rows; ++r) f(std::integral_constant<int, 1>{}, offset + r * stride, lanes);
    if (rest > 0) f(std::integral_constant<int, 1>{}, offset + wide_rows * stride, rest);
  }
};

class ChannelTiles {
 public:
  static constexpr int64_t kLanes = 128;

  explicit ChannelTiles(const Shape& x) : rows_(x.rows()), channels_(x.back()) {
    while (channels_ > 0 && fold_ * channels_ < kFoldedLanes) fold_ *= 2;
    chunk_ = std::clamp<int64_t>(channels_, 1, kLanes);
    block_rows_ = kTileElements / (fold_ * chunk_) * fold_;
  }

  int64_t rows() const { return rows_; }
  int64_t channels() const { return channels_; }
  int64_t row_blocks() const { return (rows_ + block_rows_ - 1) / block_rows_; }

  int64_t rows_in_block(int64_t row_block) const {
    return std::min(block_rows_, rows_ - row_block * block_rows_);
  }

  // The number of tiles, and one of them. Those of a row block are neighbours.
  int64_t count() const { return row_blocks() * chunks(); }
  ChannelTile tile(int64_t index) const { return tile(index / chunks(), index % chunks()); }

  // Runs body(tile) on every tile.
  template <typename F>
  void for_each_tile(const Context& ctx, F&& body) const {
    ctx.parallel(count(), [&](int64_t index, int) { body(tile(index)); });
  }

  // Runs body(first channel, end) on every chunk of channels.
  template <typename F>
  void for_each_chunk(const Context& ctx, F&& body) const {
    ctx.parallel_blocks(channels_, chunk_, [&](int64_t begin, int64_t end, int) { body(begin, end); });
  }

 private:
  static constexpr int64_t kFoldedLanes = 64;
  static constexpr int64_t kTileElements = 32768;

  int64_t chunks() const { return (channels_ + chunk_ - 1) / chunk_; }

  ChannelTile tile(int64_t row_block, int64_t chunk) const {
    const int64_t first_row = row_block * block_rows_, first_channel = chunk * chunk_;
    ChannelTile t;
    t.row_block = row_block;
    t.rows = rows_in_block(row_block);
    t.first_channel = first_channel;
    t.channels = std::min(chunk_, channels_ - first_channel);
    t.offset = first_row * channels_ + first_channel;
    t.stride = fold_ * channels_;
    t.lanes = fold_ * t.channels;
    t.wide_rows = t.rows / fold_;
    t.rest = t.rows % fold_ * t.channels;
    return t;
  }

  int64_t rows_, channels_, fold_ = 1, chunk_, block_rows_;
};

}  // namespace inpaint::cpu
