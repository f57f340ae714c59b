// Every call of the CUDA runtime stands inside INPAINT_CUDA_CHECK, which throws when it fails: OutOfMemory
// when the device has no more, UserError when there is no usable GPU, else Error; with the statement, the
// error's name and text, and the place. Kernel launches: kernels/cuda/launch.h.
#pragma once

#include <cuda_runtime_api.h>

#include "core/base/error.h"
#include "core/device/buffer.h"

#define INPAINT_CUDA_CHECK(statement) \
  ::inpaint::check_cuda((statement), [] { return #statement; }, __FILE__, __LINE__)

namespace inpaint {
namespace detail {

[[noreturn]] inline void throw_cuda_error(cudaError_t status, const std::string& what, const char* file,
                                          int line) {
  cudaGetLastError();  // an error that can be survived is not seen again by a later call
  const std::string text = fmt::format("{} ({})", cudaGetErrorString(status), cudaGetErrorName(status));
  switch (status) {
    case cudaErrorMemoryAllocation: {
      size_t free = 0, total = 0;
      cudaMemGetInfo(&free, &total);
      throw OutOfMemory(fmt::format(
          "out of GPU memory: {} was refused with {} of {} bytes free; a smaller batch_size needs less", what,
          free, total));
    }
    case cudaErrorNoDevice:
      throw UserError(fmt::format("no GPU: {}; use the CPU, or a machine with an NVIDIA GPU", text));
    case cudaErrorInsufficientDriver:
      throw UserError(fmt::format("the GPU's driver is too old: {}; install a newer one", text));
    default:
      throw Error(fmt::format("{}:{}: {}: {}", file, line, what, text));
  }
}

}  // namespace detail

// `name` gives the statement's text, needed on failure only.
template <typename Name>
void check_cuda(cudaError_t status, Name name, const char* file, int line) {
  if (status != cudaSuccess) detail::throw_cuda_error(status, name(), file, line);
}

}  // namespace inpaint
