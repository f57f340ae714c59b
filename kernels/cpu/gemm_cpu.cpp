// gemm on the CPU; contract in gemm_cpu.h. Eigen is the definition, for float and double; oneDNN is the fast
// path for float.
#include "kernels/cpu/gemm_cpu.h"

// The kernels cut the work themselves; Eigen would start OpenMP threads of its own, and the order of its sums
// would depend on them.
#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Core>

#ifdef INPAINT_ONEDNN
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#endif

namespace inpaint::cpu {
namespace {

template <typename T>
using Stored = Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>, 0,
                          Eigen::OuterStride<>>;

template <typename T>
void gemm_eigen(Transpose op_a, Transpose op_b, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda,
                const T* b, int64_t ldb, T beta, T* c, int64_t ldc) {
  const bool ta = op_a == Transpose::kYes, tb = op_b == Transpose::kYes;
  const Stored<T> am(a, ta ? k : m, ta ? m : k, Eigen::OuterStride<>(lda));
  const Stored<T> bm(b, tb ? n : k, tb ? k : n, Eigen::OuterStride<>(ldb));
  Eigen::Map<Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>, 0, Eigen::OuterStride<>> cm(
      c, m, n, Eigen::OuterStride<>(ldc));
  if (beta == T{0}) cm.setZero();
  if (ta && tb) {
    cm.noalias() += am.transpose() * bm.transpose();
  } else if (ta) {
    cm.noalias() += am.transpose() * bm;
  } else if (tb) {
    cm.noalias() += am * bm.transpose();
  } else {
    cm.noalias() += am * bm;
  }
}

}  // namespace

template <>
void gemm<double>(MatrixBackend, Transpose op_a, Transpose op_b, int64_t m, int64_t n, int64_t k,
                  const double* a, int64_t lda, const double* b, int64_t ldb, double beta, double* c,
                  int64_t ldc) {
  gemm_eigen(op_a, op_b, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

template <>
void gemm<float>(MatrixBackend backend, Transpose op_a, Transpose op_b, int64_t m, int64_t n, int64_t k,
                 const float* a, int64_t lda, const float* b, int64_t ldb, float beta, float* c,
                 int64_t ldc) {
#ifdef INPAINT_ONEDNN
  if (backend != MatrixBackend::kEigen) {
    omp_set_num_threads(1);  // of the calling thread: the kernels cut the work themselves
    const dnnl_status_t status =
        dnnl_sgemm(op_a == Transpose::kYes ? 'T' : 'N', op_b == Transpose::kYes ? 'T' : 'N', m, n, k, 1.0f, a,
                   lda, b, ldb, beta, c, ldc);
    INPAINT_CHECK(status == dnnl_success, "dnnl_sgemm: status {}", static_cast<int>(status));
    return;
  }
#else
  static_cast<void>(backend);
#endif
  gemm_eigen(op_a, op_b, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

}  // namespace inpaint::cpu
