// The sign of a number, for the CUDA kernels of this folder; that of 0 is 0.
#pragma once

namespace inpaint::cuda {

template <typename T>
__device__ T sign(T d) {
  return static_cast<T>((d > 0) - (d < 0));
}

}  // namespace inpaint::cuda
