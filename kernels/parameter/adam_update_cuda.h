// Adam's update of single values in CUDA kernels: adam.h's formulas, operation by operation. Every kernel
// that updates parameters calls this, so that all of them give the same bits. Only .cu files include this.
#pragma once

#include <limits>

#include "kernels/cuda/values_cuda.h"
#include "kernels/parameter/adam.h"

namespace inpaint::cuda {

template <typename T>
struct AdamCoefficients {
  T beta1, rest1, beta2, rest2, epsilon, decay, clip;

  explicit AdamCoefficients(const AdamOptions& o)
      : beta1(static_cast<T>(o.beta1)),
        rest1(static_cast<T>(1 - o.beta1)),
        beta2(static_cast<T>(o.beta2)),
        rest2(static_cast<T>(1 - o.beta2)),
        epsilon(static_cast<T>(o.epsilon)),
        decay(static_cast<T>(o.weight_decay)),
        clip(static_cast<T>(o.clip.value_or(std::numeric_limits<double>::infinity()))) {}
};

// A NaN stays one.
template <typename T>
__device__ T clipped(T g, T clip) {
  return g < -clip ? -clip : g > clip ? clip : g;
}

// Updates one value and its moments. The multiply-adds are written out: left to the compiler, two kernels
// could be rounded in two ways.
template <typename T>
__device__ void adam_update(const AdamCoefficients<T>& k, T rate, T gradient, bool decays, T& w, T& m, T& v) {
  const T g = clipped(decays ? fma(k.decay, w, gradient) : gradient, k.clip);
  m = fma(k.beta1, m, k.rest1 * g);
  v = fma(k.beta2, v, k.rest2 * (g * g));
  w -= rate * m / (sqrt(v) + k.epsilon);
}

}  // namespace inpaint::cuda
