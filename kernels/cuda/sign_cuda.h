// The sign of a number, for CUDA kernels; that of 0 is 0.
#pragma once

#include <cuda_runtime.h>

namespace inpaint::cuda {

template <typename T>
__device__ T sign(T d) {
  return static_cast<T>((d > 0) - (d < 0));
}

}  // namespace inpaint::cuda
