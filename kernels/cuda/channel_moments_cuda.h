// The mean and the squared deviations of each channel of an array [M, C], in one pass.
// Only .cu files include this.
#pragma once

#include "kernels/cuda/channel_blocks_cuda.h"

namespace inpaint::cuda {

__device__ inline double rows_of_block(const ChannelBlocks& b, int64_t row_block) {
  const int64_t left = b.rows - row_block * b.block_rows;
  return static_cast<double>(left < b.block_rows ? left : b.block_rows);
}

// Calls f(channel, mean, squared deviations from it) for every channel of x, once for each array. All threads
// of the launch call this, once.
//
// A thread sums x - shift and its square, the shift being the mean of its first group of rows: one pass, in
// which cancellation costs at most a factor of the thread's groups. A block leaves the mean and the squared
// deviations of its rows. The merge adds up deviations from the first block's mean.
template <int V, typename T, typename F>
__device__ void sum_moments(const ChannelBlocks& b, const T* x, const RowBlockSums& blocks, F&& f) {
  using C = Compute<T>;
  __shared__ C base[kSumChannels];  // the shifts of the block's first lane
  C shift[V] = {};
  double sums[2][V] = {};
  int rows = 0;
  for_each_row_group<V>(b, [&](auto group, int64_t at, int64_t stride) {
    Pack<T, V> values[group()];
    load_rows(values, x, at, stride);
    if (rows == 0)
#pragma unroll
      for (int k = 0; k < V; ++k) {
#pragma unroll
        for (int r = 0; r < group(); ++r) shift[k] += value_of(values[r][k]);
        shift[k] *= C(1) / C(group());
      }
    rows += group();
#pragma unroll
    for (int k = 0; k < V; ++k) {
      C sum = 0, squares = 0;
#pragma unroll
      for (int r = 0; r < group(); ++r) {
        const C d = value_of(values[r][k]) - shift[k];
        sum += d;
        squares = fma(d, d, squares);
      }
      sums[0][k] += sum;
      sums[1][k] += squares;
    }
  });
  if (threadIdx.y == 0)
#pragma unroll
    for (int k = 0; k < V; ++k) base[threadIdx.x * V + k] = shift[k];
  __syncthreads();
#pragma unroll
  for (int k = 0; k < V; ++k) {
    const double off = static_cast<double>(shift[k]) - static_cast<double>(base[threadIdx.x * V + k]);
    sums[1][k] += off * (2 * sums[0][k] + rows * off);
    sums[0][k] += rows * off;
  }
  sum_lanes(b.channels, b.columns, sums, [&](int64_t channel, unsigned place, const double(&totals)[2]) {
    const double n = rows_of_block(b, blockIdx.y), off = totals[0] / n;
    double* const block_mean = blocks.of(blockIdx.y, 2, b.channels);
    block_mean[channel] = static_cast<double>(base[place]) + off;
    block_mean[b.channels + channel] = fmax(totals[1] - totals[0] * off, 0.0);
  });
  merge_row_blocks<2, V>(
      b, blocks,
      [&](unsigned block, int64_t channel, double(&mine)[2][1]) {
        const double* const block_mean = blocks.of(block, 2, b.channels);
        const double n = rows_of_block(b, block), off = block_mean[channel] - blocks.partial[channel];
        mine[0][0] += n * off;
        mine[1][0] += block_mean[b.channels + channel] + n * off * off;
      },
      [&](int64_t channel, unsigned, const double(&totals)[2]) {
        const double n = static_cast<double>(b.rows), off = totals[0] / n;
        f(channel, blocks.partial[channel] + off, fmax(totals[1] - totals[0] * off, 0.0));
      });
}

}  // namespace inpaint::cuda
