#include "kernels/cuda/launch.h"
#include "tests/cuda_executor/proofs/planted_bugs.h"

namespace inpaint::planted {
namespace {

constexpr unsigned kAll = 0xffffffffu;

__global__ void missing_barrier_kernel(const float* x, float* y) {
  __shared__ float values[64];
  values[threadIdx.x] = x[threadIdx.x];
  y[threadIdx.x] = values[63 - threadIdx.x];
}

__global__ void missing_warp_barrier_kernel(const float* x, float* y) {
  __shared__ float values[64];
  values[threadIdx.x] = x[threadIdx.x];
  __shfl_sync(kAll, 0, 0);  // brings the lanes together, but orders no memory
  y[threadIdx.x] = values[threadIdx.x ^ 1];
}

__global__ void uninitialised_shared_kernel(float* y) {
  __shared__ float sum[64];
  sum[threadIdx.x] += 1.0f;
  y[threadIdx.x] = sum[threadIdx.x];
}

__global__ void uninitialised_dynamic_shared_kernel(float* y) {
  auto* const sum = dynamic_shared<float>();
  sum[threadIdx.x] += 1.0f;
  y[threadIdx.x] = sum[threadIdx.x];
}

__global__ void shared_out_of_bounds_kernel(float* y) {
  auto* const values = dynamic_shared<float>();
  values[threadIdx.x + 1] = 1.0f;
  __syncthreads();
  y[threadIdx.x] = values[threadIdx.x + 1];
}

__global__ void local_out_of_bounds_kernel(const int* index, float* y) {
  const float table[4] = {y[0], y[1], y[2], y[3]};
  y[threadIdx.x] = table[index[threadIdx.x]];
}

__global__ void mask_without_own_lane_kernel(float* y) {
  y[threadIdx.x] = __shfl_sync(0xffffu, static_cast<float>(threadIdx.x), 0);
}

__global__ void mask_with_absent_lane_kernel(float* y) {
  if (threadIdx.x % 32 >= 16) return;
  y[threadIdx.x] = __shfl_down_sync(kAll, static_cast<float>(threadIdx.x), 1);
}

__global__ void mask_with_lane_elsewhere_kernel(float* y) {
  if (threadIdx.x % 32 < 16) y[threadIdx.x] = __shfl_xor_sync(kAll, static_cast<float>(threadIdx.x), 1);
  __syncthreads();
}

__global__ void shuffle_from_outside_the_mask_kernel(float* y) {
  if (threadIdx.x % 32 < 16) y[threadIdx.x] = __shfl_xor_sync(0xffffu, static_cast<float>(threadIdx.x), 16);
}

__global__ void mismatched_masks_kernel(float* y) {
  const unsigned mask = threadIdx.x % 32 == 0 ? kAll : kAll - 1;
  y[threadIdx.x] = __any_sync(mask, 1) ? 1.0f : 0.0f;
}

__global__ void divergent_barrier_kernel(float* y) {
  y[threadIdx.x] = 0;
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    y[threadIdx.x] = 1;
    __syncthreads();
  }
}

__global__ void barrier_after_exit_kernel(float* y) {
  if (threadIdx.x >= 40) return;
  y[threadIdx.x] = 0;
  __syncthreads();
}

__global__ void write_out_of_bounds_kernel(float* y, int64_t n) {
  if (global_thread() <= n) y[global_thread()] = 1.0f;
}

__global__ void read_out_of_bounds_kernel(const float* x, float* y, int64_t n) {
  for (int64_t i = global_thread(); i < n; i += grid_threads()) y[i] = x[i] - x[i + 1];
}

__global__ void misaligned_vector_kernel(const float* x, float* y) {
  const float4 v = *reinterpret_cast<const float4*>(x + 1 + 4 * (threadIdx.x % 8));
  y[threadIdx.x] = v.x + v.y + v.z + v.w;
}

__global__ void sum_by_float_atomics_kernel(const float* x, int64_t n, float* y) {
  for (int64_t i = global_thread(); i < n; i += grid_threads()) atomicAdd(y, x[i]);
}

__global__ void sum_without_fence_kernel(const float* x, float* partial, unsigned* ticket, float* y) {
  partial[blockIdx.x] = x[blockIdx.x];
  if (atomicAdd(ticket, 1u) == gridDim.x - 1) *y = partial[0] + partial[1] + partial[2] + partial[3];
}

__global__ void sum_without_barrier_kernel(const float* x, float* partial, unsigned* ticket, float* y) {
  __shared__ bool last;
  partial[global_thread()] = x[global_thread()];
  if (threadIdx.x == 0) {
    __threadfence();
    last = atomicAdd(ticket, 1u) == gridDim.x - 1;
  }
  __syncthreads();
  if (last && threadIdx.x == 0) *y = partial[0] + partial[1];
}

__global__ void blocks_overlap_kernel(float* y) { y[blockIdx.x * (blockDim.x - 1) + threadIdx.x] = 1.0f; }

__global__ void plain_beside_atomic_kernel(int* count) {
  if (threadIdx.x == 0) {
    *count = 0;
  } else {
    atomicAdd(count, 1);
  }
}

__global__ void read_only_kernel(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x]; }

__global__ void stop_kernel() { __trap(); }

__device__ float descend(int depth, const float* above) {
  float frame[64];
  for (float& value : frame) value = above[0] + 1.0f;
  return depth == 0 ? frame[0] : descend(depth - 1, frame) + frame[63];
}

__global__ void deep_recursion_kernel(int depth, float* y) {
  const float start = 0;
  y[threadIdx.x] = descend(depth, &start);
}

template <typename... P, typename... A>
void one_block(const char* op, cudaStream_t stream, size_t shared_bytes, void (*kernel)(P...), A... args) {
  launch(op, stream, dim3(1), dim3(64), shared_bytes, kernel, args...);
}

}  // namespace

void missing_barrier(cudaStream_t stream, const float* x, float* y) {
  one_block("missing_barrier", stream, 0, missing_barrier_kernel, x, y);
}
void missing_warp_barrier(cudaStream_t stream, const float* x, float* y) {
  one_block("missing_warp_barrier", stream, 0, missing_warp_barrier_kernel, x, y);
}
void uninitialised_shared(cudaStream_t stream, float* y) {
  one_block("uninitialised_shared", stream, 0, uninitialised_shared_kernel, y);
}
void uninitialised_dynamic_shared(cudaStream_t stream, float* y) {
  one_block("uninitialised_dynamic_shared", stream, 64 * sizeof(float), uninitialised_dynamic_shared_kernel,
            y);
}
void shared_out_of_bounds(cudaStream_t stream, float* y) {
  one_block("shared_out_of_bounds", stream, 64 * sizeof(float), shared_out_of_bounds_kernel, y);
}
void local_out_of_bounds(cudaStream_t stream, const int* index, float* y) {
  one_block("local_out_of_bounds", stream, 0, local_out_of_bounds_kernel, index, y);
}
void mask_without_own_lane(cudaStream_t stream, float* y) {
  one_block("mask_without_own_lane", stream, 0, mask_without_own_lane_kernel, y);
}
void mask_with_absent_lane(cudaStream_t stream, float* y) {
  one_block("mask_with_absent_lane", stream, 0, mask_with_absent_lane_kernel, y);
}
void mask_with_lane_elsewhere(cudaStream_t stream, float* y) {
  one_block("mask_with_lane_elsewhere", stream, 0, mask_with_lane_elsewhere_kernel, y);
}
void shuffle_from_outside_the_mask(cudaStream_t stream, float* y) {
  one_block("shuffle_from_outside_the_mask", stream, 0, shuffle_from_outside_the_mask_kernel, y);
}
void mismatched_masks(cudaStream_t stream, float* y) {
  one_block("mismatched_masks", stream, 0, mismatched_masks_kernel, y);
}
void divergent_barrier(cudaStream_t stream, float* y) {
  one_block("divergent_barrier", stream, 0, divergent_barrier_kernel, y);
}
void barrier_after_exit(cudaStream_t stream, float* y) {
  one_block("barrier_after_exit", stream, 0, barrier_after_exit_kernel, y);
}
void write_out_of_bounds(cudaStream_t stream, float* y, int64_t n) {
  launch("write_out_of_bounds", stream, dim3(static_cast<unsigned>(n / 64 + 1)), dim3(64), 0,
         write_out_of_bounds_kernel, y, n);
}
void read_out_of_bounds(cudaStream_t stream, const float* x, float* y, int64_t n) {
  launch_1d("read_out_of_bounds", stream, n, read_out_of_bounds_kernel, x, y, n);
}
void misaligned_vector(cudaStream_t stream, const float* x, float* y) {
  one_block("misaligned_vector", stream, 0, misaligned_vector_kernel, x, y);
}
void sum_by_float_atomics(cudaStream_t stream, const float* x, int64_t n, float* y) {
  launch_1d("sum_by_float_atomics", stream, n, sum_by_float_atomics_kernel, x, n, y);
}
void sum_without_fence(cudaStream_t stream, const float* x, float* partial, unsigned* ticket, float* y) {
  launch("sum_without_fence", stream, dim3(4), dim3(1), 0, sum_without_fence_kernel, x, partial, ticket, y);
}
void sum_without_barrier(cudaStream_t stream, const float* x, float* partial, unsigned* ticket, float* y) {
  launch("sum_without_barrier", stream, dim3(4), dim3(8), 0, sum_without_barrier_kernel, x, partial, ticket,
         y);
}
void blocks_overlap(cudaStream_t stream, float* y) {
  launch("blocks_overlap", stream, dim3(2), dim3(32), 0, blocks_overlap_kernel, y);
}
void plain_beside_atomic(cudaStream_t stream, int* count) {
  one_block("plain_beside_atomic", stream, 0, plain_beside_atomic_kernel, count);
}
void read_only(cudaStream_t stream, const float* x, float* y) {
  one_block("read_only", stream, 0, read_only_kernel, x, y);
}
void stop(cudaStream_t stream) { one_block("stop", stream, 0, stop_kernel); }
void deep_recursion(cudaStream_t stream, int depth, float* y) {
  one_block("deep_recursion", stream, 0, deep_recursion_kernel, depth, y);
}

}  // namespace inpaint::planted
