// How the CUDA kernels of this folder cut an array [M, C] whose values belong to channels, and how they sum
// over its rows. Only .cu files include this.
//
// A thread holds V channels that lie side by side (16 bytes, where C and the tensors' alignment allow it) and
// walks down rows; a block is `columns` such threads side by side and `lanes` of them below each other. The
// cut depends on M, C and V only, and with it the order of every sum.
#pragma once

#include <algorithm>
#include <bit>
#include <type_traits>

#include "kernels/cuda/last_block_cuda.h"
#include "kernels/cuda/values_cuda.h"

namespace inpaint::cuda {

// What a launch is cut for. Sums take two blocks for each multiprocessor of an H100, all there at once, and
// few channels to a block: a block then has many rows, and few partial sums are left. A launch that only maps
// values takes more blocks, which evens out, and more channels to a block.
enum class Cut { kSums, kMap };
inline constexpr int64_t kSumBlocks = std::min<int64_t>(132 * 2, kMaxBlocks1d),
                         kMapBlocks = std::min<int64_t>(132 * 8, kMaxBlocks1d);
inline constexpr int64_t kSumChannels = 32;  // at most, of a block
inline constexpr int64_t kMapColumns = 16;   // at most, of a block

// Rows a thread loads before it looks at the first: that many accesses are on their way.
inline constexpr int kRowGroup = 4;

class ChannelBlocks {
 public:
  // V channels to a thread. A launch may work on several such arrays, one behind the other (the pictures of a
  // batch): each has its own blocks, at blockIdx.z.
  ChannelBlocks(const Shape& x, int64_t v, Cut cut, int64_t array_count = 1)
      : rows(x.rows()), channels(x.back()), arrays(static_cast<unsigned>(array_count)) {
    const int64_t vectors = (channels + v - 1) / v;
    const int64_t most_columns = cut == Cut::kSums ? kSumChannels / v : kMapColumns;
    const int64_t blocks = (cut == Cut::kSums ? kSumBlocks : kMapBlocks) / array_count;
    columns = std::bit_ceil(static_cast<unsigned>(std::min(vectors, most_columns)));
    column_blocks = static_cast<unsigned>((vectors + columns - 1) / columns);
    const int64_t step = kRowGroup * (kBlockThreads / columns);
    const int64_t wanted = std::max<int64_t>(1, blocks / column_blocks);
    const int64_t steps = (rows + step * wanted - 1) / (step * wanted);
    block_rows = steps * step;
    row_blocks = static_cast<unsigned>((rows + block_rows - 1) / block_rows);
  }

  dim3 grid() const { return {column_blocks, row_blocks, arrays}; }
  dim3 block() const { return {columns, kBlockThreads / columns}; }

  int64_t rows, channels, block_rows;
  unsigned columns, column_blocks, row_blocks, arrays;
};

// The most row blocks that the sums over x are cut into, whatever its type and alignment.
inline int64_t max_row_blocks(const Shape& x, int64_t arrays = 1) {
  int64_t most = 0;
  for (const int64_t v : {1, 2, 4, 8})
    most = std::max<int64_t>(most, ChannelBlocks(x, v, Cut::kSums, arrays).row_blocks);
  return most;
}

// Calls f with V as a constant: a vector of 16 bytes where all arrays of values [M, C] allow it, else
// one value.
template <typename T, typename F, typename... Arrays>
void visit_vector(int64_t channels, F&& f, const Arrays*... values) {
  constexpr int kVector = 16 / sizeof(T);
  if (channels % kVector == 0 && can_pack<kVector>(values...))
    f(std::integral_constant<int, kVector>{});
  else
    f(std::integral_constant<int, 1>{});
}

// The first of this thread's channels; at or past the last one in threads that have none.
template <int V>
__device__ int64_t first_channel() {
  return (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * V;
}

// Calls f(number of rows as a constant, position of the first, distance) for this thread's rows, in groups of
// `kRows` and then one by one.
template <int V, int kRows = kRowGroup, typename F>
__device__ void for_each_row_group(const ChannelBlocks& b, F&& f) {
  const int64_t channel = first_channel<V>();
  if (channel >= b.channels) return;
  const int64_t begin = blockIdx.y * b.block_rows;
  const int64_t end = begin + b.block_rows < b.rows ? begin + b.block_rows : b.rows;
  const unsigned lanes = blockDim.y;
  const int64_t stride = lanes * b.channels;
  int64_t row = begin + threadIdx.y, at = row * b.channels + channel;
  for (; row + (kRows - 1) * lanes < end; row += kRows * lanes, at += kRows * stride)
    f(std::integral_constant<int, kRows>{}, at, stride);
  for (; row < end; row += lanes, at += stride) f(std::integral_constant<int, 1>{}, at, stride);
}

// Loads the vectors of a row group.
template <int V, int kRows, typename T>
__device__ void load_rows(Pack<T, V> (&to)[kRows], const T* from, int64_t at, int64_t stride) {
#pragma unroll
  for (int r = 0; r < kRows; ++r) to[r] = *reinterpret_cast<const Pack<T, V>*>(from + at + r * stride);
}

template <int V, typename T>
__device__ void store_row(const Pack<T, V>& row, T* to, int64_t at) {
  *reinterpret_cast<Pack<T, V>*>(to + at) = row;
}

// V values of an array [C] that may begin anywhere.
template <int V, typename T>
__device__ void load_channels(T (&to)[V], const T* from, int64_t channel) {
  constexpr int kVector = 16 / sizeof(T);
  if constexpr (V % kVector == 0)
    if (reinterpret_cast<uintptr_t>(from) % 16 == 0) {
#pragma unroll
      for (int k = 0; k < V; k += kVector) {
        const auto vector = *reinterpret_cast<const Pack<T, kVector>*>(from + channel + k);
#pragma unroll
        for (int j = 0; j < kVector; ++j) to[k + j] = vector[j];
      }
      return;
    }
#pragma unroll
  for (int k = 0; k < V; ++k) to[k] = from[channel + k];
}

// Adds up what the lanes of this block hold for each channel, Q numbers of each, and calls f(channel, its
// place in the block, totals) in one thread per channel. All threads of the block call this, once.
// Neighbouring threads hold the `columns` columns of V channels, which are at most kSumChannels channels
// in all.
template <int Q, int V, typename F>
__device__ void sum_lanes(int64_t channels, unsigned columns, double (&mine)[Q][V], F&& f) {
  constexpr unsigned kWarps = kBlockThreads / 32;
  __shared__ double sums[kWarps * Q * kSumChannels];
  const unsigned thread = threadIdx.y * blockDim.x + threadIdx.x;
  for (unsigned distance = columns; distance < 32; distance *= 2)
#pragma unroll
    for (int q = 0; q < Q; ++q)
#pragma unroll
      for (int k = 0; k < V; ++k)
        mine[q][k] += __shfl_xor_sync(0xffffffffu, mine[q][k], static_cast<int>(distance));
  const unsigned warp = thread / 32, lane = thread % 32;
  if (lane < columns)
#pragma unroll
    for (int q = 0; q < Q; ++q)
#pragma unroll
      for (int k = 0; k < V; ++k) sums[((warp * Q + q) * V + k) * columns + lane] = mine[q][k];
  __syncthreads();
  if (thread >= columns * V) return;
  const unsigned column = thread % columns, k = thread / columns, place = column * V + k;
  const int64_t channel = int64_t{blockIdx.x} * columns * V + place;
  if (channel >= channels) return;
  double totals[Q] = {};
  for (unsigned w = 0; w < kWarps; ++w)
#pragma unroll
    for (int q = 0; q < Q; ++q) totals[q] += sums[((w * Q + q) * V + k) * columns + column];
  f(channel, place, totals);
}

// Where the row blocks of a launch leave what they have summed, Q numbers of each channel, and by what the
// last row block of each column of blocks is found.
struct RowBlockSums {
  double* partial = nullptr;  // [row block, Q, C]
  unsigned* counters = nullptr;

  RowBlockSums() = default;
  RowBlockSums(const Context& ctx, const Shape& x, void* workspace, int64_t arrays = 1)
      : partial(static_cast<double*>(workspace)), counters(counters_of(ctx, x, arrays)) {}

  static int64_t bytes(const Context& ctx, const Shape& x, int64_t q, int64_t arrays = 1) {
    counters_of(ctx, x, arrays);
    return arrays * max_row_blocks(x, arrays) * q * x.back() * size_of(DType::kF64);
  }

  // Those of this block's array.
  __device__ RowBlockSums of_array(const ChannelBlocks& b, int64_t q) const {
    RowBlockSums own = *this;
    own.partial += blockIdx.z * b.row_blocks * q * b.channels;
    own.counters += blockIdx.z * b.column_blocks;
    return own;
  }

  // The numbers of a row block.
  __device__ double* of(int64_t row_block, int64_t q, int64_t channels) const {
    return partial + row_block * q * channels;
  }

 private:
  static unsigned* counters_of(const Context& ctx, const Shape& x, int64_t arrays) {
    return ticket_counters(ctx, arrays * ((x.back() + kSumChannels - 1) / kSumChannels));
  }
};

// Finishes the sums over rows: adds up the row blocks' numbers, in an order that does not depend on which
// block is the last. All threads of the launch call this, once, when their block has written its own. In the
// last block of each column of blocks, add(row block, channel, mine) adds the numbers of one of them to
// mine[Q][1], and f is that of sum_lanes.
template <int Q, int V, typename Add, typename F>
__device__ void merge_row_blocks(const ChannelBlocks& b, const RowBlockSums& sums, Add&& add, F&& f) {
  if (!is_last_block(&sums.counters[blockIdx.x], b.row_blocks)) return;
  const unsigned columns = b.columns * V, thread = threadIdx.y * blockDim.x + threadIdx.x;
  const int64_t channel = int64_t{blockIdx.x} * columns + thread % columns;
  double mine[Q][1] = {};
  if (channel < b.channels)
#pragma unroll 16
    for (unsigned block = thread / columns; block < b.row_blocks; block += kBlockThreads / columns)
      add(block, channel, mine);
  sum_lanes(b.channels, columns, mine, f);
}

}  // namespace inpaint::cuda
