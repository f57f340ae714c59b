// Which values of pictures are missing, for CUDA kernels. Only .cu files include this.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace inpaint::cuda {

// Bit k is set when value at + k is missing, out of pictures [.., C] that end before value `end`: the byte
// of its pixel in the mask is not 0.
template <int N>
__device__ unsigned missing_values(const uint8_t* mask, unsigned at, unsigned end, unsigned c) {
  unsigned pixel = at / c, channel = at - pixel * c, bits = 0;
  bool missing = mask[pixel] != 0;
#pragma unroll
  for (int k = 0; k < N; ++k) {
    if (at + k >= end) break;
    if (channel == c) {
      channel = 0;
      missing = mask[++pixel] != 0;
    }
    if (missing) bits |= 1u << k;
    ++channel;
  }
  return bits;
}

}  // namespace inpaint::cuda
