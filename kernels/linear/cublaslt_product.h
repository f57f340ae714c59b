// One product of a linear layer as cuBLASLt runs it. cuBLASLt stores columns one after the other, we store
// rows: our matrix [r, c] is its c x r matrix with the same bytes, so that it makes the transposed product.
//
//   y^T  [out x n]  = w^T' x^T      w^T is stored [in x out] and transposed
//   dx^T [in x n]   = w^T dy^T
//   dw^T [in x out] = x^T dy^T'     dy^T is stored [out x n] and transposed
//
// All packed, beginning at multiples of 16 bytes. bf16 and f32 are summed in f32, f64 in f64; f32 factors are
// rounded to TF32 where that is allowed. Sums that are cut into parts are added up in the type they are
// computed in, in a fixed order.
#pragma once

#include <cublasLt.h>

#include <memory>
#include <string>
#include <vector>

#include "kernels/linear/linear.h"

namespace inpaint::cuda {

void check_cublaslt(cublasStatus_t status, const std::string& what);

// Throws UserError when this GPU or driver is not one that cuBLASLt works on.
class CublasLtHandle {
 public:
  CublasLtHandle();
  cublasLtHandle_t get() const { return handle_.get(); }

 private:
  struct Destroy {
    void operator()(cublasLtHandle_t handle) const { cublasLtDestroy(handle); }
  };
  std::unique_ptr<std::remove_pointer_t<cublasLtHandle_t>, Destroy> handle_;
};

struct LinearProduct {
  enum class Kind { kForward, kBackwardData, kBackwardWeight };
  Kind kind;
  LinearShape shape;
  DType dtype;
  Fp32Products fp32_products;
};
std::string to_string(const LinearProduct& product);  // one line; also the name under which choices are kept

class CublasLtProduct {
 public:
  static constexpr int64_t kAlignment = 16;

  explicit CublasLtProduct(const LinearProduct& product);

  // The algorithms that cuBLASLt's heuristics name, best guess first. Empty when cuBLASLt does not support
  // the product.
  std::vector<cublasLtMatmulAlgo_t> algorithms(const CublasLtHandle& handle,
                                               int64_t most_workspace_bytes) const;

  // An algorithm as 128 hex digits and back; choose() throws Error when it cannot run the product.
  static std::string to_text(const cublasLtMatmulAlgo_t& algorithm);
  static cublasLtMatmulAlgo_t from_text(const std::string& text);
  void choose(const CublasLtHandle& handle, const cublasLtMatmulAlgo_t& algorithm);

  int64_t workspace_bytes() const { return workspace_bytes_; }  // of the chosen algorithm

  // Enqueues d = the product, or d += the product. a and b: w and x, w and dy, x and dy.
  void run(const CublasLtHandle& handle, cudaStream_t stream, const void* a, const void* b, void* d,
           GradMode mode, void* workspace) const;

 private:
  struct Destroy {
    void operator()(cublasLtMatmulDesc_t desc) const { cublasLtMatmulDescDestroy(desc); }
    void operator()(cublasLtMatrixLayout_t layout) const { cublasLtMatrixLayoutDestroy(layout); }
  };
  using Layout = std::unique_ptr<std::remove_pointer_t<cublasLtMatrixLayout_t>, Destroy>;

  Layout layout(DType dtype, int64_t rows, int64_t cols) const;

  std::string what_;
  DType computed_in_;
  std::unique_ptr<std::remove_pointer_t<cublasLtMatmulDesc_t>, Destroy> desc_;
  Layout a_, b_, d_;
  cublasLtMatmulAlgo_t algorithm_{};
  int64_t workspace_bytes_ = 0;
};

}  // namespace inpaint::cuda
