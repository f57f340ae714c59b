#include "kernels/linear/cublaslt_product.h"

#include <charconv>

namespace inpaint::cuda {
namespace {

using Kind = LinearProduct::Kind;

constexpr int kMostAlgorithms = 16;

cudaDataType_t to_cuda(DType dtype) {
  switch (dtype) {
    case DType::kBF16:
      return CUDA_R_16BF;
    case DType::kF32:
      return CUDA_R_32F;
    case DType::kF64:
      return CUDA_R_64F;
    default:
      throw ShapeError(fmt::format("linear does not take {}", inpaint::to_string(dtype)));
  }
}

cublasComputeType_t compute_type(const LinearProduct& p) {
  if (p.dtype == DType::kF64) return CUBLAS_COMPUTE_64F;
  const bool is_tf32 = p.dtype == DType::kF32 && p.fp32_products == Fp32Products::kTf32;
  return is_tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
}

// With cuBLASLt's heuristics asked for algorithms that keep our promises.
class Preference {
 public:
  Preference(int64_t most_workspace_bytes, const std::string& what) {
    cublasLtMatmulPreference_t preference = nullptr;
    check_cublaslt(cublasLtMatmulPreferenceCreate(&preference), what);
    preference_.reset(preference);
    const auto set = [&](cublasLtMatmulPreferenceAttributes_t name, const auto& value) {
      check_cublaslt(cublasLtMatmulPreferenceSetAttribute(preference, name, &value, sizeof(value)), what);
    };
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<uint64_t>(most_workspace_bytes));
    // Not in place and not in the output's type: bf16 would round every part.
    set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
        static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
    for (const auto name :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      set(name, static_cast<uint32_t>(CublasLtProduct::kAlignment));
  }
  cublasLtMatmulPreference_t get() const { return preference_.get(); }

 private:
  struct Destroy {
    void operator()(cublasLtMatmulPreference_t preference) const {
      cublasLtMatmulPreferenceDestroy(preference);
    }
  };
  std::unique_ptr<std::remove_pointer_t<cublasLtMatmulPreference_t>, Destroy> preference_;
};

}  // namespace

void check_cublaslt(cublasStatus_t status, const std::string& what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error(
      fmt::format("{}: cuBLASLt: {} ({})", what, cublasLtGetStatusString(status), static_cast<int>(status)));
}

CublasLtHandle::CublasLtHandle() {
  cublasLtHandle_t handle = nullptr;
  if (const cublasStatus_t status = cublasLtCreate(&handle); status != CUBLAS_STATUS_SUCCESS)
    user_error(
        "cuBLASLt does not work on this GPU: {}; it needs a GPU of compute capability 7.5 or more, and a "
        "driver for CUDA {}",
        cublasLtGetStatusString(status), CUDART_VERSION / 1000);
  handle_.reset(handle);
}

std::string to_string(const LinearProduct& p) {
  constexpr const char* kNames[] = {"linear_forward", "linear_backward_data", "linear_backward_weight"};
  return fmt::format("{} n {} in {} out {} {}{}", kNames[static_cast<size_t>(p.kind)], p.shape.n, p.shape.in,
                     p.shape.out, inpaint::to_string(p.dtype),
                     compute_type(p) == CUBLAS_COMPUTE_32F_FAST_TF32 ? " tf32" : "");
}

CublasLtProduct::Layout CublasLtProduct::layout(DType dtype, int64_t rows, int64_t cols) const {
  cublasLtMatrixLayout_t layout = nullptr;
  check_cublaslt(cublasLtMatrixLayoutCreate(&layout, to_cuda(dtype), static_cast<uint64_t>(rows),
                                            static_cast<uint64_t>(cols), rows),
                 what_);
  return Layout(layout);
}

CublasLtProduct::CublasLtProduct(const LinearProduct& p)
    : what_(to_string(p)), computed_in_(p.dtype == DType::kF64 ? DType::kF64 : DType::kF32) {
  cublasLtMatmulDesc_t desc = nullptr;
  check_cublaslt(cublasLtMatmulDescCreate(&desc, compute_type(p), to_cuda(computed_in_)), what_);
  desc_.reset(desc);
  const auto transpose = [&](cublasLtMatmulDescAttributes_t which) {
    const cublasOperation_t op = CUBLAS_OP_T;
    check_cublaslt(cublasLtMatmulDescSetAttribute(desc, which, &op, sizeof(op)), what_);
  };
  const auto [n, in, out] = p.shape;
  switch (p.kind) {
    case Kind::kForward:
      transpose(CUBLASLT_MATMUL_DESC_TRANSA);
      a_ = layout(p.dtype, in, out);
      b_ = layout(p.dtype, in, n);
      d_ = layout(p.dtype, out, n);
      break;
    case Kind::kBackwardData:
      a_ = layout(p.dtype, in, out);
      b_ = layout(p.dtype, out, n);
      d_ = layout(p.dtype, in, n);
      break;
    case Kind::kBackwardWeight:
      transpose(CUBLASLT_MATMUL_DESC_TRANSB);
      a_ = layout(p.dtype, in, n);
      b_ = layout(p.dtype, out, n);
      d_ = layout(parameter_dtype(p.dtype), in, out);
      break;
  }
}

std::vector<cublasLtMatmulAlgo_t> CublasLtProduct::algorithms(const CublasLtHandle& handle,
                                                              int64_t most_workspace_bytes) const {
  const Preference preference(most_workspace_bytes, what_);
  cublasLtMatmulHeuristicResult_t results[kMostAlgorithms] = {};
  int count = 0;
  const cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(handle.get(), desc_.get(), a_.get(), b_.get(), d_.get(), d_.get(),
                                     preference.get(), kMostAlgorithms, results, &count);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) return {};
  check_cublaslt(status, what_);
  std::vector<cublasLtMatmulAlgo_t> found;
  for (int i = 0; i < count; ++i)
    if (results[i].state == CUBLAS_STATUS_SUCCESS) found.push_back(results[i].algo);
  return found;
}

std::string CublasLtProduct::to_text(const cublasLtMatmulAlgo_t& algorithm) {
  std::string text;
  for (const uint64_t word : algorithm.data) text += fmt::format("{:016x}", word);
  return text;
}

cublasLtMatmulAlgo_t CublasLtProduct::from_text(const std::string& text) {
  constexpr size_t kDigits = 16;
  cublasLtMatmulAlgo_t algorithm{};
  INPAINT_CHECK(text.size() == kDigits * std::size(algorithm.data), "'{}' is no cuBLASLt algorithm", text);
  for (size_t i = 0; i < std::size(algorithm.data); ++i) {
    const char* const begin = text.data() + i * kDigits;
    const auto [end, error] = std::from_chars(begin, begin + kDigits, algorithm.data[i], 16);
    INPAINT_CHECK(error == std::errc() && end == begin + kDigits, "'{}' is no cuBLASLt algorithm", text);
  }
  return algorithm;
}

void CublasLtProduct::choose(const CublasLtHandle& handle, const cublasLtMatmulAlgo_t& algorithm) {
  cublasLtMatmulHeuristicResult_t result{};
  check_cublaslt(cublasLtMatmulAlgoCheck(handle.get(), desc_.get(), a_.get(), b_.get(), d_.get(), d_.get(),
                                         &algorithm, &result),
                 what_);
  check_cublaslt(result.state, what_);
  algorithm_ = algorithm;
  workspace_bytes_ = static_cast<int64_t>(result.workspaceSize);
}

void CublasLtProduct::run(const CublasLtHandle& handle, cudaStream_t stream, const void* a, const void* b,
                          void* d, GradMode mode, void* workspace) const {
  const double one = 1, beta = mode == GradMode::kAccumulate ? 1 : 0;
  const float one_f32 = 1, beta_f32 = static_cast<float>(beta);
  const bool is_double = computed_in_ == DType::kF64;
  check_cublaslt(
      cublasLtMatmul(handle.get(), desc_.get(), is_double ? static_cast<const void*>(&one) : &one_f32, a,
                     a_.get(), b, b_.get(), is_double ? static_cast<const void*>(&beta) : &beta_f32, d,
                     d_.get(), d, d_.get(), &algorithm_, workspace, static_cast<size_t>(workspace_bytes_),
                     stream),
      what_);
}

}  // namespace inpaint::cuda
