// Sums over the threads of a block, in an order that is always the same. Only .cu files include this.
#pragma once

#include "kernels/cuda/launch.h"

namespace inpaint::cuda {

// Every lane of the warp gets the sum.
template <typename T>
__device__ T warp_sum(T value) {
#pragma unroll
  for (int lanes = 16; lanes > 0; lanes /= 2) value += __shfl_xor_sync(0xffffffffu, value, lanes);
  return value;
}

// The sum is valid in thread 0. For blocks of one dimension and kThreads threads, all of which call it; a
// block that calls it again waits at a barrier in between.
template <int kThreads = kBlockThreads, typename T>
__device__ T block_sum(T value) {
  static_assert(kThreads % 32 == 0 && kThreads <= 1024);
  __shared__ T sums[kThreads / 32];
  value = warp_sum(value);
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x < 32) value = warp_sum(threadIdx.x < kThreads / 32 ? sums[threadIdx.x] : T(0));
  return value;
}

}  // namespace inpaint::cuda
