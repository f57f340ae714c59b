// The tensor cores' product of small matrices, d += a b, made by a warp: d [16, 8] in float, a [16, 16] and b
// [16, 8] in bf16. Only .cu files include this. Source: PTX ISA, "Matrix fragments for mma.m16n8k16".
//
// With g = lane / 4 and t = lane % 4 a lane holds, two bf16 to a word, the one of the smaller index in the
// low half:
//
//   a[0]  row g,     columns 2t, 2t + 1        a[2]  row g,     columns 2t + 8, 2t + 9
//   a[1]  row g + 8, columns 2t, 2t + 1        a[3]  row g + 8, columns 2t + 8, 2t + 9
//   b[0]  rows 2t, 2t + 1, column g            b[1]  rows 2t + 8, 2t + 9, column g
//   d[0], d[1]  row g, columns 2t, 2t + 1      d[2], d[3]  row g + 8, columns 2t, 2t + 1
#pragma once

#include <cstdint>

#include "kernels/cuda/values_cuda.h"

namespace inpaint::cuda {

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
__device__ inline void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#elif defined(__CUDA_ARCH__)
// Nothing calls it on GPUs before compute capability 8.0.
__device__ inline void mma_bf16(float (&)[4], const uint32_t (&)[4], const uint32_t (&)[2]) { __trap(); }
#else
// The same by shuffles: for the executor.
__device__ inline void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  constexpr unsigned kAll = 0xffffffffu;
  const auto half = [](uint32_t word, int which) {
    const uint32_t bits = which == 0 ? word << 16 : word & 0xffff0000u;
    return __uint_as_float(bits);
  };
  const int lane = static_cast<int>(threadIdx.x + threadIdx.y * blockDim.x) % 32, g = lane / 4, t = lane % 4;
  for (int depth = 0; depth < 2; ++depth)
    for (int from = 0; from < 4; ++from) {
      const uint32_t upper = __shfl_sync(kAll, a[2 * depth], 4 * g + from),
                     lower = __shfl_sync(kAll, a[2 * depth + 1], 4 * g + from);
      for (int column = 0; column < 2; ++column) {
        const uint32_t right = __shfl_sync(kAll, b[depth], 4 * (2 * t + column) + from);
        for (int k = 0; k < 2; ++k) {
          d[column] = fma(half(upper, k), half(right, k), d[column]);
          d[2 + column] = fma(half(lower, k), half(right, k), d[2 + column]);
        }
      }
    }
}
#endif

}  // namespace inpaint::cuda
