#include "core/device/cuda_memory.h"

#include <cstring>

#include "core/device/cuda_check.h"

namespace inpaint::cuda_memory {

void* allocate(int64_t bytes) {
  void* pointer = nullptr;
  const auto size = static_cast<size_t>(bytes);
  check_cuda(
      cudaMalloc(&pointer, size), [&] { return fmt::format("an array of {} bytes", bytes); }, __FILE__,
      __LINE__);
  INPAINT_CUDA_CHECK(cudaMemset(pointer, 0, size));
  INPAINT_CUDA_CHECK(cudaDeviceSynchronize());  // a stream of the program does not wait for the memset's
  return pointer;
}

void release(void* pointer) { cudaFree(pointer); }

void* allocate_pinned(int64_t bytes) {
  void* pointer = nullptr;
  const auto size = static_cast<size_t>(bytes);
  check_cuda(
      cudaMallocHost(&pointer, size),
      [&] { return fmt::format("a page-locked array of {} bytes of the host", bytes); }, __FILE__, __LINE__);
  std::memset(pointer, 0, size);
  return pointer;
}

void release_pinned(void* pointer) { cudaFreeHost(pointer); }

}  // namespace inpaint::cuda_memory
