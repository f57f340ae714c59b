// Bytes of pictures as the numbers that networks compute with, for CUDA kernels. Only .cu files include this.
#pragma once

#include "kernels/cuda/values_cuda.h"

namespace inpaint::cuda {

// (byte - 127.5) / 127.5 with the division's rounding: by the reciprocal, and the remainder it leaves.
__device__ inline float normalized(uint8_t byte, float) {
  constexpr float kReciprocal = 1.0f / 127.5f;
  const float value = static_cast<float>(byte) - 127.5f, quotient = value * kReciprocal;
  return __fmaf_rn(__fmaf_rn(-quotient, 127.5f, value), kReciprocal, quotient);
}

__device__ inline double normalized(uint8_t byte, double) {
  return (static_cast<double>(byte) - 127.5) / 127.5;
}

template <typename T, int N>
__device__ Pack<T, N> normalized_pack(const Pack<uint8_t, N>& bytes) {
  Pack<T, N> values;
#pragma unroll
  for (int k = 0; k < N; ++k) values[k] = rounded_to<T>(normalized(bytes[k], Compute<T>{}));
  return values;
}

}  // namespace inpaint::cuda
