// Matrix product on the CPU, for the kernels of this folder only. One thread: the caller cuts the work.
//
//   C = op(A) op(B) + beta C      op(A) [m, k], op(B) [k, n], C [m, n]; all row-major
//
// lda, ldb, ldc are the row strides of the stored matrices; op transposes the stored matrix. beta is 0 (C is
// overwritten, even where it holds NaN) or 1 (C is added to).
// The sum over k has an order fixed by (m, n, k): the same call gives the same bits.
#pragma once

#include <cstdint>

#include "core/device/context.h"

namespace inpaint::cpu {

enum class Transpose { kNo, kYes };

template <typename T>
void gemm(MatrixBackend backend, Transpose op_a, Transpose op_b, int64_t m, int64_t n, int64_t k, const T* a,
          int64_t lda, const T* b, int64_t ldb, T beta, T* c, int64_t ldc);

}  // namespace inpaint::cpu
