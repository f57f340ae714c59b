// Small ops as the program writes them, to try the executor on: every feature that kernels use is here.
// Pointers are device memory; the ops return before they have run.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace inpaint::samples {

// out[0] = sum of x. Fixed order: a block sums its part, and the last one to end sums the blocks' sums.
// partial [sum_blocks(n)], ticket [1], which must be 0 and is 0 again afterwards.
int sum_blocks(int64_t n);
void sum(cudaStream_t stream, const float* x, int64_t n, float* partial, unsigned* ticket, float* out);

// y = a x, 16 bytes at a time where both are aligned to that.
void scale(cudaStream_t stream, const float* x, int64_t n, float a, float* y);

// y[c][r] = x[r][c], through dynamic shared memory of tile x (tile + 1) floats.
void transpose(cudaStream_t stream, const float* x, int rows, int columns, int tile, float* y);

// y = x as bfloat16 (upper half of each word is the odd element); n is even.
void to_bf16(cudaStream_t stream, const float* x, int64_t n, uint32_t* y);

// y = x as float, 16 bytes of bfloat16 at a time, times factors of a table in constant memory: y[i] = x[i]
// 2^(i % 4). The sizes travel in a structure. n is a multiple of 8.
struct Bf16Shape {
  int64_t n;
  int first;  // element of x to begin with, a multiple of 8
};
void from_bf16(cudaStream_t stream, Bf16Shape shape, const uint32_t* x, float* y);

// counts[v] += how often the byte v is in x, by atomics in shared and then in global memory.
void histogram(cudaStream_t stream, const uint8_t* x, int64_t n, unsigned* counts);

// What each thread of the grid is told of its place: 12 numbers per thread, in the order threadIdx, blockIdx,
// blockDim, gridDim.
void places(cudaStream_t stream, dim3 grid, dim3 block, unsigned* out);

// What one block of `threads` gets from each operation, [kWarpResults][threads]; see warp_results.
inline constexpr int kWarpResults = 16;
void warp_results(cudaStream_t stream, int threads, int width, int* out);

// The three counting barriers over the predicate "index % 3 == 0": [3][threads].
void barrier_results(cudaStream_t stream, int threads, int* out);

// Lanes exchange values through shared memory with __syncwarp between: out[i] = i of the neighbour,
// 1000 times.
void warp_rounds(cudaStream_t stream, int threads, int* out);

// out[lane] = the sum of x[32 turn + lane] over those of the `turns` turns in which turn + lane is even; one
// warp. Neighbours leave out different turns.
void every_other_turn(cudaStream_t stream, const float* x, int turns, float* out);

}  // namespace inpaint::samples
