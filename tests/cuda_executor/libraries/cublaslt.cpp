// Stand-in for cuBLASLt: the checks of a plain matrix product's arguments, and the product, computed naively
// in column-major order as cuBLASLt does. It refuses what would not be a plain product of packed matrices.

#include <cublasLt.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "tests/cuda_executor/executor.h"
#include "tests/cuda_executor/libraries/library_memory.h"
#include "tests/cuda_executor/proofs/leaks.h"
#include "tests/cuda_executor/runtime/runtime.h"

struct cublasLtContext {};
struct cublasLtMatmulDescOpaque_t {
  cublasComputeType_t compute;
  cudaDataType_t scale;
  cublasOperation_t op_a = CUBLAS_OP_N, op_b = CUBLAS_OP_N;
};
struct cublasLtMatrixLayoutOpaque_t {
  cudaDataType type;
  int64_t rows, cols, ld;
};
struct cublasLtMatmulPreferenceOpaque_t {
  uint64_t max_workspace_bytes = 0;
  uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_MASK;
  uint32_t alignments[4] = {256, 256, 256, 256};
};

namespace inpaint::executor {
namespace {

// What an algorithm is: one that needs nothing, and one that cuts the sums into two parts of its workspace
// and wants 16-byte boundaries. kMark tells an algorithm of ours from other bytes.
enum : uint64_t { kMark = 0x6c745f616c676f21, kPlain = 1, kSplit = 2 };

struct Live {
  std::set<const void*> handles, objects;
  Live() {
    add_leak_source([this] { return count_text(handles.size(), "cuBLASLt handles"); });
    add_leak_source([this] { return count_text(objects.size(), "cuBLASLt descriptors"); });
  }
};
Live& all() {
  static auto* const all = new Live;
  return *all;
}

template <typename T, typename... A>
cublasStatus_t create(T** object, std::set<const void*>& set, A... arguments) {
  const std::lock_guard lock(runtime_lock());
  *object = new T{arguments...};
  set.insert(*object);
  return CUBLAS_STATUS_SUCCESS;
}

template <typename T>
cublasStatus_t destroy(T* object, std::set<const void*>& set) {
  const std::lock_guard lock(runtime_lock());
  if (set.erase(object) == 0) return CUBLAS_STATUS_INVALID_VALUE;
  delete object;
  return CUBLAS_STATUS_SUCCESS;
}

template <typename T, typename V>
cublasStatus_t assign(T& to, V value, size_t bytes) {
  if (bytes != sizeof(T)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&to, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

Element element_of(cudaDataType type) {
  return type == CUDA_R_16BF ? Element::kBF16 : type == CUDA_R_32F ? Element::kFloat : Element::kDouble;
}

struct Product {
  const cublasLtMatmulDescOpaque_t& desc;
  const cublasLtMatrixLayoutOpaque_t &a, &b, &c, &d;

  int64_t m() const { return desc.op_a == CUBLAS_OP_N ? a.rows : a.cols; }
  int64_t k() const { return desc.op_a == CUBLAS_OP_N ? a.cols : a.rows; }
  int64_t n() const { return desc.op_b == CUBLAS_OP_N ? b.cols : b.rows; }

  cublasStatus_t check() const {
    for (const void* const object :
         {static_cast<const void*>(&desc), static_cast<const void*>(&a), static_cast<const void*>(&b),
          static_cast<const void*>(&c), static_cast<const void*>(&d)})
      if (all().objects.count(object) == 0) return CUBLAS_STATUS_INVALID_VALUE;
    for (const auto* const layout : {&a, &b, &c, &d})
      if (layout->rows <= 0 || layout->cols <= 0 || layout->ld < layout->rows)
        return CUBLAS_STATUS_INVALID_VALUE;
    const int64_t k_of_b = desc.op_b == CUBLAS_OP_N ? b.rows : b.cols;
    if (k_of_b != k() || d.rows != m() || d.cols != n() || c.rows != d.rows || c.cols != d.cols)
      return CUBLAS_STATUS_INVALID_VALUE;
    for (const auto* const layout : {&a, &b, &c, &d})
      if (layout->ld != layout->rows) return CUBLAS_STATUS_NOT_SUPPORTED;
    const bool is_double = desc.compute == CUBLAS_COMPUTE_64F;
    if (desc.scale != (is_double ? CUDA_R_64F : CUDA_R_32F) || a.type != b.type || c.type != d.type)
      return CUBLAS_STATUS_NOT_SUPPORTED;
    if (is_double)
      return a.type == CUDA_R_64F && d.type == CUDA_R_64F ? CUBLAS_STATUS_SUCCESS
                                                          : CUBLAS_STATUS_NOT_SUPPORTED;
    // Tensor cores read rows of whole 16-byte vectors; the stand-in is stricter than the library, which has
    // kernels for some of the others.
    if (a.type == CUDA_R_16BF)
      for (const auto* const layout : {&a, &b, &c, &d})
        if (layout->ld % 8 != 0) return CUBLAS_STATUS_NOT_SUPPORTED;
    const bool good = (a.type == CUDA_R_32F && d.type == CUDA_R_32F) ||
                      (a.type == CUDA_R_16BF && (d.type == CUDA_R_16BF || d.type == CUDA_R_32F));
    return good ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
  }

  size_t workspace_bytes(uint64_t algorithm) const {
    return algorithm == kSplit ? static_cast<size_t>(2 * m() * n()) * 4 + 5 : 0;
  }
};

cublasLtMatmulHeuristicResult_t describe(const Product& product, uint64_t algorithm) {
  cublasLtMatmulHeuristicResult_t result{};
  result.algo.data[0] = kMark;
  result.algo.data[1] = algorithm;
  result.workspaceSize = product.workspace_bytes(algorithm);
  result.state = CUBLAS_STATUS_SUCCESS;
  result.wavesCount = 1;
  return result;
}

double to_tf32(double value) {
  uint32_t bits = std::bit_cast<uint32_t>(static_cast<float>(value));
  bits = (bits + 0xfffu + ((bits >> 13) & 1u)) & ~0x1fffu;
  return static_cast<double>(std::bit_cast<float>(bits));
}

// D = alpha op(A) op(B) + beta C.
struct Work {
  cublasLtMatmulDescOpaque_t desc;
  cublasLtMatrixLayoutOpaque_t la, lb, ld;
  int64_t m, n, k;
  double alpha, beta;
  const void *a, *b, *c;
  void *d, *workspace;
  size_t workspace_bytes;

  void operator()() const {
    const Scratch scratch(workspace, static_cast<int64_t>(workspace_bytes));
    const auto read = [&](const cublasLtMatrixLayoutOpaque_t& layout, const void* pointer) {
      auto values = read_elements("cuBLASLt", element_of(layout.type), pointer, layout.rows * layout.cols);
      if (desc.compute == CUBLAS_COMPUTE_32F_FAST_TF32 && layout.type == CUDA_R_32F)
        std::transform(values.begin(), values.end(), values.begin(), to_tf32);
      return values;
    };
    const std::vector<double> as = read(la, a), bs = read(lb, b);
    std::vector<double> ds(static_cast<size_t>(m * n));
    if (beta != 0) ds = read_elements("cuBLASLt", element_of(ld.type), c, m * n);
    for (double& value : ds) value *= beta;
    const auto at = [](int64_t i) { return static_cast<size_t>(i); };
    for (int64_t j = 0; j < n; ++j)
      for (int64_t l = 0; l < k; ++l) {
        const double right = alpha * bs[at(desc.op_b == CUBLAS_OP_N ? l + j * k : j + l * n)];
        for (int64_t i = 0; i < m; ++i)
          ds[at(i + j * m)] += as[at(desc.op_a == CUBLAS_OP_N ? i + l * m : l + i * k)] * right;
      }
    write_elements(element_of(ld.type), d, ds);
  }
};

}  // namespace
}  // namespace inpaint::executor

using namespace inpaint::executor;

size_t cublasLtGetVersion() { return 130100; }

const char* cublasLtGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "success";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "the library was not initialized";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "an unsupported value or parameter was passed to the function";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "the functionality requested is not supported";
    default:
      return "the operation failed";
  }
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  if (device_error() != cudaSuccess) return CUBLAS_STATUS_NOT_INITIALIZED;
  return create(handle, all().handles);
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) { return destroy(handle, all().handles); }

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* desc, cublasComputeType_t compute,
                                        cudaDataType_t scale) {
  return create(desc, all().objects, compute, scale);
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) { return destroy(desc, all().objects); }
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t name,
                                              const void* value, size_t bytes) {
  return assign(name == CUBLASLT_MATMUL_DESC_TRANSA ? desc->op_a : desc->op_b, value, bytes);
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType type, uint64_t rows,
                                          uint64_t cols, int64_t ld) {
  return create(layout, all().objects, type, static_cast<int64_t>(rows), static_cast<int64_t>(cols), ld);
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  return destroy(layout, all().objects);
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  return create(preference, all().objects);
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  return destroy(preference, all().objects);
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t name,
                                                    const void* value, size_t bytes) {
  switch (name) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
      return assign(preference->max_workspace_bytes, value, bytes);
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
      return assign(preference->reductions, value, bytes);
    default:
      return assign(preference->alignments[name - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES], value, bytes);
  }
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int requested,
                                              cublasLtMatmulHeuristicResult_t results[], int* returned) {
  const std::lock_guard lock(runtime_lock());
  *returned = 0;
  if (all().handles.count(handle) == 0 || all().objects.count(preference) == 0 || requested <= 0)
    return CUBLAS_STATUS_INVALID_VALUE;
  const Product product{*desc, *a, *b, *c, *d};
  if (const cublasStatus_t status = product.check(); status != CUBLAS_STATUS_SUCCESS) return status;
  const auto& alignments = preference->alignments;
  for (const uint64_t algorithm : {kSplit, kPlain}) {
    const bool splits_well = (preference->reductions & CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE) != 0 &&
                             *std::min_element(alignments, alignments + 4) >= 16;
    if (algorithm == kSplit && !splits_well) continue;
    if (*returned == requested || product.workspace_bytes(algorithm) > preference->max_workspace_bytes)
      continue;
    results[(*returned)++] = describe(product, algorithm);
  }
  return *returned > 0 ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc,
                                       cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                       cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                       const cublasLtMatmulAlgo_t* algo,
                                       cublasLtMatmulHeuristicResult_t* result) {
  const std::lock_guard lock(runtime_lock());
  if (all().handles.count(handle) == 0) return CUBLAS_STATUS_INVALID_VALUE;
  const Product product{*desc, *a, *b, *c, *d};
  if (const cublasStatus_t status = product.check(); status != CUBLAS_STATUS_SUCCESS) return status;
  if (algo->data[0] != kMark || (algo->data[1] != kPlain && algo->data[1] != kSplit))
    return CUBLAS_STATUS_INVALID_VALUE;
  *result = describe(product, algo->data[1]);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void* alpha,
                              const void* a, cublasLtMatrixLayout_t a_layout, const void* b,
                              cublasLtMatrixLayout_t b_layout, const void* beta, const void* c,
                              cublasLtMatrixLayout_t c_layout, void* d, cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t* algo, void* workspace, size_t workspace_bytes,
                              cudaStream_t stream) {
  const std::lock_guard lock(runtime_lock());
  cublasLtMatmulHeuristicResult_t found{};
  const cublasStatus_t status =
      cublasLtMatmulAlgoCheck(handle, desc, a_layout, b_layout, c_layout, d_layout, algo, &found);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  if (found.workspaceSize > workspace_bytes || (found.workspaceSize > 0 && workspace == nullptr))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (reinterpret_cast<uintptr_t>(workspace) % 256 != 0) return CUBLAS_STATUS_INVALID_VALUE;
  for (const void* const pointer : {a, b, c, static_cast<const void*>(d)})
    if (pointer == nullptr || (algo->data[1] == kSplit && reinterpret_cast<uintptr_t>(pointer) % 16 != 0))
      return CUBLAS_STATUS_INVALID_VALUE;
  const auto number = [&](const void* from) {
    if (desc->scale == CUDA_R_64F) return *static_cast<const double*>(from);
    return static_cast<double>(*static_cast<const float*>(from));
  };
  const Product product{*desc, *a_layout, *b_layout, *c_layout, *d_layout};
  const Work work{*desc,       *a_layout,     *b_layout,          *d_layout, product.m(), product.n(),
                  product.k(), number(alpha), number(beta),       a,         b,           c,
                  d,           workspace,     found.workspaceSize};
  return enqueue_host_code(stream, work) == cudaSuccess ? CUBLAS_STATUS_SUCCESS
                                                        : CUBLAS_STATUS_EXECUTION_FAILED;
}
