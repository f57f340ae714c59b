#include <cuda_bf16.h>

#include "kernels/cuda/launch.h"
#include "tests/cuda_executor/proofs/sample_kernels.h"

namespace inpaint::samples {
namespace {

constexpr int kSumThreads = 128;

__device__ float warp_sum(float x) {
  for (int lanes = 16; lanes > 0; lanes /= 2) x += __shfl_xor_sync(0xffffffffu, x, lanes);
  return x;
}

// Valid in thread 0.
template <int kThreads>
__device__ float block_sum(float x) {
  __shared__ float sums[kThreads / 32];
  x = warp_sum(x);
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = x;
  __syncthreads();
  if (threadIdx.x < 32) x = warp_sum(threadIdx.x < kThreads / 32 ? sums[threadIdx.x] : 0.0f);
  return x;
}

template <int kThreads>
__global__ void __launch_bounds__(kThreads)
    sum_kernel(const float* __restrict__ x, int64_t n, float* partial, unsigned* ticket, float* out) {
  __shared__ bool last;
  float mine = 0;
  for (int64_t i = global_thread(); i < n; i += grid_threads()) mine += x[i];
  const float total = block_sum<kThreads>(mine);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = total;
    __threadfence();
    last = atomicAdd(ticket, 1u) == gridDim.x - 1;
  }
  __syncthreads();
  if (!last) return;
  float sum = 0;
  for (unsigned i = threadIdx.x; i < gridDim.x; i += blockDim.x) sum += partial[i];
  sum = block_sum<kThreads>(sum);
  if (threadIdx.x == 0) {
    *out = sum;
    *ticket = 0;
  }
}

__global__ void scale_kernel(const float* __restrict__ x, int64_t n, float a, float* __restrict__ y) {
  const int64_t whole = n / 4;
  const auto* const x4 = reinterpret_cast<const float4*>(x);
  auto* const y4 = reinterpret_cast<float4*>(y);
  for (int64_t i = global_thread(); i < whole; i += grid_threads()) {
    const float4 v = __ldcs(x4 + i);
    __stcs(y4 + i, make_float4(a * v.x, a * v.y, a * v.z, a * v.w));
  }
  for (int64_t i = 4 * whole + global_thread(); i < n; i += grid_threads()) y[i] = a * x[i];
}

__global__ void transpose_kernel(const float* __restrict__ x, int rows, int columns, float* __restrict__ y) {
  auto* const tile = dynamic_shared<float>();
  const int size = static_cast<int>(blockDim.x), pitch = size + 1;
  const int tx = static_cast<int>(threadIdx.x), ty = static_cast<int>(threadIdx.y);
  int row = static_cast<int>(blockIdx.y) * size + ty, column = static_cast<int>(blockIdx.x) * size + tx;
  if (row < rows && column < columns) tile[ty * pitch + tx] = x[int64_t{row} * columns + column];
  __syncthreads();
  row = static_cast<int>(blockIdx.y) * size + tx;
  column = static_cast<int>(blockIdx.x) * size + ty;
  if (row < rows && column < columns) y[int64_t{column} * rows + row] = tile[tx * pitch + ty];
}

__global__ void to_bf16_kernel(const float2* __restrict__ x, int64_t pairs, __nv_bfloat162* __restrict__ y) {
  for (int64_t i = global_thread(); i < pairs; i += grid_threads()) y[i] = __float22bfloat162_rn(x[i]);
}

__constant__ float power_of_two[4] = {1, 2, 4, 8};

__global__ void from_bf16_kernel(Bf16Shape shape, const __nv_bfloat16* __restrict__ x,
                                 float* __restrict__ y) {
  for (int64_t i = 8 * global_thread(); i < shape.n; i += 8 * grid_threads()) {
    const uint4 packed = __ldg(reinterpret_cast<const uint4*>(x + shape.first + i));
    const auto* const pairs = reinterpret_cast<const __nv_bfloat162*>(&packed);
    for (int k = 0; k < 4; ++k) {
      const float2 pair = __bfloat1622float2(pairs[k]);
      y[i + 2 * k] = pair.x * power_of_two[2 * k % 4];
      y[i + 2 * k + 1] = pair.y * power_of_two[(2 * k + 1) % 4];
    }
  }
}

__global__ void histogram_kernel(const uint8_t* __restrict__ x, int64_t n, unsigned* counts) {
  __shared__ unsigned mine[256];
  mine[threadIdx.x] = 0;
  __syncthreads();
  for (int64_t i = global_thread(); i < n; i += grid_threads()) atomicAdd(&mine[x[i]], 1u);
  __syncthreads();
  atomicAdd(&counts[threadIdx.x], mine[threadIdx.x]);
}

__global__ void places_kernel(unsigned* out) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  unsigned* const mine = out + 12 * (block * blockDim.x * blockDim.y * blockDim.z + thread);
  const dim3 all[4] = {threadIdx, blockIdx, blockDim, gridDim};
  for (int i = 0; i < 4; ++i) {
    mine[3 * i] = all[i].x;
    mine[3 * i + 1] = all[i].y;
    mine[3 * i + 2] = all[i].z;
  }
}

__global__ void warp_results_kernel(int width, int* out) {
  const int i = static_cast<int>(threadIdx.x), n = static_cast<int>(blockDim.x);
  const int lanes_here = min(32, n - i / 32 * 32);
  const unsigned mask = lanes_here == 32 ? 0xffffffffu : (1u << lanes_here) - 1;
  int row = 0;
  const auto put = [&](int value) { out[row++ * n + i] = value; };
  put(__shfl_sync(mask, 100 + i, 3, width));
  put(__shfl_up_sync(mask, 100 + i, 2, width));
  put(__shfl_down_sync(mask, 100 + i, 1, lanes_here == 32 ? width : 2));
  put(__shfl_xor_sync(mask, 100 + i, 1, width));
  put(static_cast<int>(__ballot_sync(mask, i % 3 == 0)));
  put(__any_sync(mask, i == 5));
  put(__all_sync(mask, i != 5));
  put(__reduce_add_sync(mask, i - 20));
  put(__reduce_min_sync(mask, i - 20));
  put(__reduce_max_sync(mask, i - 20));
  put(static_cast<int>(__reduce_max_sync(mask, static_cast<unsigned>(i - 20))));
  put(static_cast<int>(__reduce_and_sync(mask, 0xf0u | static_cast<unsigned>(i))));
  put(static_cast<int>(__reduce_or_sync(mask, 1u << (i % 32))));
  put(static_cast<int>(__reduce_xor_sync(mask, static_cast<unsigned>(i))));
  put(static_cast<int>(__activemask()));
  __syncwarp(mask);  // nobody ends before the others have asked
  // Half a warp on its own: the other half is elsewhere.
  if (i % 2 == 0)
    put(static_cast<int>(__shfl_sync(mask & 0x55555555u, static_cast<double>(i), 2)));
  else
    put(__shfl_sync(mask & 0xaaaaaaaau, i, 1));
}

__global__ void barrier_results_kernel(int* out) {
  const int i = static_cast<int>(threadIdx.x), n = static_cast<int>(blockDim.x);
  out[i] = __syncthreads_count(i % 3 == 0);
  out[n + i] = __syncthreads_and(i % 3 == 0);
  out[2 * n + i] = __syncthreads_or(i % 3 == 0);
}

__global__ void warp_rounds_kernel(int* out) {
  __shared__ int values[1024];
  const unsigned i = threadIdx.x;
  int mine = static_cast<int>(i);
  for (int round = 0; round < 1000; ++round) {
    values[i] = mine;
    __syncwarp();
    mine = values[i ^ 1];
    __syncwarp();
  }
  out[i] = mine;
}

__global__ void every_other_turn_kernel(const float* __restrict__ x, int turns, float* __restrict__ out) {
  const int lane = static_cast<int>(threadIdx.x);
  float sum = 0;
  for (int turn = 0; turn < turns; ++turn) {
    if ((turn + lane) % 2 != 0) continue;
    sum += x[32 * turn + lane];
  }
  out[lane] = sum;
}

}  // namespace

int sum_blocks(int64_t n) {
  return static_cast<int>(std::clamp<int64_t>((n + kSumThreads - 1) / kSumThreads, 1, 16));
}

void sum(cudaStream_t stream, const float* x, int64_t n, float* partial, unsigned* ticket, float* out) {
  launch("sum", stream, dim3(static_cast<unsigned>(sum_blocks(n))), dim3(kSumThreads), 0,
         sum_kernel<kSumThreads>, x, n, partial, ticket, out);
}

void scale(cudaStream_t stream, const float* x, int64_t n, float a, float* y) {
  launch_1d("scale", stream, n, scale_kernel, x, n, a, y);
}

void transpose(cudaStream_t stream, const float* x, int rows, int columns, int tile, float* y) {
  const auto side = static_cast<unsigned>(tile);
  launch("transpose", stream,
         dim3((static_cast<unsigned>(columns) + side - 1) / side,
              (static_cast<unsigned>(rows) + side - 1) / side),
         dim3(side, side), sizeof(float) * side * (side + 1), transpose_kernel, x, rows, columns, y);
}

void to_bf16(cudaStream_t stream, const float* x, int64_t n, uint32_t* y) {
  launch_1d("to_bf16", stream, n / 2, to_bf16_kernel, reinterpret_cast<const float2*>(x), n / 2,
            reinterpret_cast<__nv_bfloat162*>(y));
}

void from_bf16(cudaStream_t stream, Bf16Shape shape, const uint32_t* x, float* y) {
  launch_1d("from_bf16", stream, shape.n / 8, from_bf16_kernel, shape,
            reinterpret_cast<const __nv_bfloat16*>(x), y);
}

void histogram(cudaStream_t stream, const uint8_t* x, int64_t n, unsigned* counts) {
  launch("histogram", stream, dim3(3), dim3(256), 0, histogram_kernel, x, n, counts);
}

void places(cudaStream_t stream, dim3 grid, dim3 block, unsigned* out) {
  launch("places", stream, grid, block, 0, places_kernel, out);
}

void warp_results(cudaStream_t stream, int threads, int width, int* out) {
  launch("warp_results", stream, dim3(1), dim3(static_cast<unsigned>(threads)), 0, warp_results_kernel, width,
         out);
}

void barrier_results(cudaStream_t stream, int threads, int* out) {
  launch("barrier_results", stream, dim3(1), dim3(static_cast<unsigned>(threads)), 0, barrier_results_kernel,
         out);
}

void warp_rounds(cudaStream_t stream, int threads, int* out) {
  launch("warp_rounds", stream, dim3(1), dim3(static_cast<unsigned>(threads)), 0, warp_rounds_kernel, out);
}

void every_other_turn(cudaStream_t stream, const float* x, int turns, float* out) {
  launch("every_other_turn", stream, dim3(1), dim3(32), 0, every_other_turn_kernel, x, turns, out);
}

}  // namespace inpaint::samples
