// The activations of activation.h for the CUDA kernels of this folder. A NaN goes through. Only .cu files
// include this.
#pragma once

#include <cuda_runtime.h>

#include "core/base/error.h"
#include "kernels/activation.h"

namespace inpaint::cuda {

// The kinked activations, and none, are z where z > 0 and slope z elsewhere (0 where the slope is 0, of
// infinities too): one kernel serves them all.
inline double negative_slope(Activation act) {
  switch (act) {
    case Activation::kNone:
      return 1;
    case Activation::kRelu:
      return 0;
    case Activation::kLeakyRelu:
      return kLeakySlope;
    case Activation::kTanh:
      break;
  }
  throw Error("tanh has no slope");
}

template <typename T>
__device__ T kinked(T z, T slope) {
  return z > 0 ? z : z < 0 && slope == 0 ? T{0} : slope * z;  // 0 times an infinity is not 0
}

// dz from dy; `at` is z or y, which have one sign.
template <typename T>
__device__ T kinked_gradient(T at, T slope, T dy) {
  return at > 0 ? dy : slope == 0 ? T{0} : slope * dy;
}

}  // namespace inpaint::cuda
