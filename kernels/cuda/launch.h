// Every kernel launch of the program. Only .cu files include this.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "core/device/cuda_check.h"

namespace inpaint {

// Threads of a block and most blocks of a launch_1d.
inline constexpr int kBlockThreads = 256;
#ifdef INPAINT_MAX_BLOCKS_1D  // few, where the kernels are tested: small arrays then take several rounds of blocks
inline constexpr int64_t kMaxBlocks1d = INPAINT_MAX_BLOCKS_1D;
#else
inline constexpr int64_t kMaxBlocks1d = 132 * 8 * 4;  // four rounds of full multiprocessors on an H100
#endif

namespace detail {

// Throws with the name and sizes when the launch was refused. With INPAINT_SYNC=1 in the environment it also
// waits for the kernel, so that a failure in it names this op and not a later one; not in a capture.
inline void check_launch(const char* op, cudaError_t status, const cudaLaunchConfig_t& config) {
  static const char* const setting = std::getenv("INPAINT_SYNC");
  static const bool waits = setting != nullptr && *setting == '1';
  if (status == cudaSuccess && waits) {
    cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
    INPAINT_CUDA_CHECK(cudaStreamIsCapturing(config.stream, &capture));
    if (capture == cudaStreamCaptureStatusNone) status = cudaStreamSynchronize(config.stream);
  }
  if (status == cudaSuccess) return;
  const dim3 g = config.gridDim, b = config.blockDim;
  throw_cuda_error(status,
                   fmt::format("{}: {} x {} x {} blocks of {} x {} x {} threads, {} bytes of shared memory",
                               op, g.x, g.y, g.z, b.x, b.y, b.z, config.dynamicSmemBytes),
                   __FILE__, __LINE__);
}

}  // namespace detail

// Enqueues kernel(args...) on the stream; returns before it has run. An empty grid is a launch error in CUDA,
// and nothing here. shared_bytes is the dynamic shared memory of a block, which may exceed the usual 48 KiB.
// Throws Error naming op and sizes.
template <typename... P, typename... A>
void launch(const char* op, cudaStream_t stream, dim3 grid, dim3 block, size_t shared_bytes,
            void (*kernel)(P...), A... args) {
  constexpr size_t kUsualSharedBytes = 48 << 10;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  cudaError_t status = cudaSuccess;
  if (shared_bytes > kUsualSharedBytes)
    status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  static_cast<int>(shared_bytes));
  if (status == cudaSuccess) status = cudaLaunchKernelEx(&config, kernel, static_cast<P>(args)...);
  detail::check_launch(op, status, config);
}

// For kernels that walk over n things with a stride of grid_threads(): enough blocks for n, at
// most kMaxBlocks1d.
inline int64_t blocks_1d(int64_t n) {
  return std::min((n + kBlockThreads - 1) / kBlockThreads, kMaxBlocks1d);
}

template <typename... P, typename... A>
void launch_1d(const char* op, cudaStream_t stream, int64_t n, void (*kernel)(P...), A... args) {
  launch(op, stream, dim3(static_cast<unsigned>(blocks_1d(n))), dim3(kBlockThreads), 0, kernel, args...);
}

// The number of this thread in a grid of one dimension, and how many there are.
__device__ inline int64_t global_thread() { return int64_t{blockIdx.x} * blockDim.x + threadIdx.x; }
__device__ inline int64_t grid_threads() { return int64_t{gridDim.x} * blockDim.x; }

// The launch's shared_bytes, aligned to 16 bytes, as an array of T. (`extern __shared__` cannot be written in
// plain C++, in which the tests compile the kernels.)
template <typename T>
__device__ T* dynamic_shared() {
#ifdef __CUDACC__
  extern __shared__ __align__(16) unsigned char inpaint_dynamic_shared[];
  return reinterpret_cast<T*>(inpaint_dynamic_shared);
#else
  return static_cast<T*>(executor::dynamic_shared_memory());
#endif
}

}  // namespace inpaint
