// The stand-ins for cuDNN and cuBLASLt refuse what the libraries refuse, and find the mistakes that they
// would not.

#include <cublasLt.h>
#include <doctest/doctest.h>

#include <functional>
#include <numeric>

#include "kernels/conv/cudnn_convolution.h"
#include "tests/cuda_executor/executor.h"
#include "tests/cuda_executor/proofs/device_array.h"
#include "tests/harness/error_message.h"

namespace inpaint {
namespace {

void check_contains(const std::string& text, const char* part) {
  CHECK_MESSAGE(contains(text, part), "'", text, "' does not hold '", part, "'");
}

using cuda::ConvolutionProduct;
using cuda::CudnnConvolution;
using cuda::CudnnDescriptor;
using cuda::CudnnError;
using cuda::CudnnHandle;

cudnnStatus_t status_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const CudnnError& error) {
    return error.status();
  }
  return CUDNN_STATUS_SUCCESS;
}

// A tensor of 1 x 8 x 4 x 4, channels innermost, that a test may spoil before it is finalized.
CudnnDescriptor tensor(int64_t id, const std::function<void(CudnnDescriptor&)>& spoil = {}) {
  CudnnDescriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  d.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id);
  d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_DATA_FLOAT);
  d.set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::vector<int64_t>{1, 8, 4, 4});
  d.set(CUDNN_ATTR_TENSOR_STRIDES, std::vector<int64_t>{128, 1, 32, 8});
  d.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, int64_t{16});
  if (spoil) spoil(d);
  d.finalize();
  return d;
}

CudnnDescriptor convolution(const std::vector<int64_t>& strides, const std::vector<int64_t>& pads,
                            cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION) {
  CudnnDescriptor d(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  d.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
  d.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
  d.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t{2});
  d.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, strides);
  d.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, pads);
  d.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, pads);
  d.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, std::vector<int64_t>{1, 1});
  d.finalize();
  return d;
}

// What becomes of a graph of y = x * w, 4 x 4 with stride 2 over 4 x 4 pixels of 8 channels, and of its
// first engine.
cudnnStatus_t graph_status(const CudnnDescriptor& x, const CudnnDescriptor& w, const CudnnDescriptor& y,
                           const CudnnDescriptor& conv, float beta = 0) {
  const CudnnHandle handle(nullptr);
  return status_of([&] {
    const float alpha = 1;
    CudnnDescriptor op(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR),
        graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR), engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, w);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, y);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, conv);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, 1, &alpha);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, 1, &beta);
    op.finalize();
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle.get());
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, op);
    graph.finalize();
    engine.set(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, graph);
    engine.set(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, int64_t{1});
    engine.finalize();
  });
}

CudnnDescriptor small_output(int64_t id = 'y') {
  return tensor(id, [](CudnnDescriptor& d) {
    d.set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::vector<int64_t>{1, 1, 2, 2});
    d.set(CUDNN_ATTR_TENSOR_STRIDES, std::vector<int64_t>{4, 1, 2, 1});
  });
}

TEST_CASE("cuDNN: descriptors that are not as they should be are refused") {
  CudnnDescriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  CHECK(status_of([&] { d.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t{2}); }) == CUDNN_STATUS_BAD_PARAM);
  CHECK(status_of([&] { d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, int64_t{0}); }) ==
        CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE);
  CHECK(status_of([&] {
          d.set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::vector<int64_t>{1, 2});
        }) == CUDNN_STATUS_BAD_PARAM_OUT_OF_BOUND);
  CHECK(status_of([&] { d.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, nullptr); }) ==
        CUDNN_STATUS_BAD_PARAM_NULL_POINTER);
  CHECK(status_of([&] { d.finalize(); }) == CUDNN_STATUS_BAD_PARAM);  // attributes are missing
  CHECK(status_of([&] { d.get_int64(CUDNN_ATTR_TENSOR_UNIQUE_ID); }) == CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED);

  CudnnDescriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  CHECK(status_of([&] { graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, d); }) ==
        CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED);
  const CudnnDescriptor whole = tensor('x');
  CHECK(status_of([&] {
          const_cast<CudnnDescriptor&>(whole).set(CUDNN_ATTR_TENSOR_UNIQUE_ID, int64_t{1});
        }) == CUDNN_STATUS_NOT_INITIALIZED);
  for (const int64_t alignment : {0, 12})
    CHECK(status_of([&] {
            tensor('x', [&](CudnnDescriptor& t) { t.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, alignment); });
          }) == CUDNN_STATUS_BAD_PARAM);
}

TEST_CASE("cuDNN: graphs whose parts do not fit, or that no engine supports, are refused") {
  const CudnnDescriptor conv = convolution({2, 2}, {1, 1}), x = tensor('x');
  const CudnnDescriptor w = tensor('w'), y = small_output();
  CHECK(graph_status(x, w, y, conv) == CUDNN_STATUS_SUCCESS);
  CHECK(graph_status(x, w, y, convolution({2, 2}, {0, 0})) == CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH);
  CHECK(graph_status(x, w, y, convolution({1, 1}, {1, 1})) == CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH);
  CHECK(graph_status(x, w, x, conv) == CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH);
  CHECK(graph_status(x, w, small_output('x'), conv) == CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES);
  CHECK(graph_status(x, conv, y, conv) == CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE);
  CHECK(graph_status(x, w, y, convolution({2, 2}, {1, 1}, CUDNN_CONVOLUTION)) == CUDNN_STATUS_NOT_SUPPORTED);
  CHECK(graph_status(x, w, y, conv, 1) == CUDNN_STATUS_NOT_SUPPORTED);
  const CudnnDescriptor channels_first = tensor('x', [](CudnnDescriptor& d) {
    d.set(CUDNN_ATTR_TENSOR_STRIDES, std::vector<int64_t>{128, 16, 4, 1});
  });
  CHECK(graph_status(channels_first, w, y, conv) == CUDNN_STATUS_NOT_SUPPORTED_LAYOUT);
  const CudnnDescriptor in_bf16 =
      tensor('x', [](CudnnDescriptor& d) { d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_DATA_BFLOAT16); });
  CHECK(graph_status(in_bf16, w, y, conv) == CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE);
}

// Memory for the product of graph_status, and its plan.
struct Run {
  static constexpr ConvolutionProduct kProduct{
      ConvolutionProduct::Kind::kForward, {1, 4, 4, 8, 1}, DType::kF32, Fp32Products::kExact};
  CudnnHandle handle{nullptr};
  DeviceArray<float> x{std::vector<float>(128, 1.0f)}, w{std::vector<float>(128, 1.0f)}, y{4}, workspace{4};

  std::string message(const char* engine, const float* from, const float* to, void* scratch) {
    const CudnnConvolution plan(handle, kProduct, engine);
    try {
      plan.run(handle, from, w, to, scratch);
    } catch (const CudnnError& error) {
      return error.what();
    }
    cudaDeviceSynchronize();
    const std::vector<std::string> violations = executor::take_violations();
    return violations.empty() ? "" : violations.front();
  }
};

TEST_CASE("cuDNN: plans that are run with wrong memory are refused or found out") {
  Run run;
  const auto message = [&](const float* x, const float* y, void* workspace) {
    return run.message("1:", x, y, workspace);
  };
  CHECK(message(run.x, run.y, run.workspace).empty());
  CHECK(run.y.values() == std::vector<float>{72, 72, 72, 72});  // 3 x 3 of 4 x 4 pixels, 8 channels
  check_contains(message(run.x + 1, run.y, run.workspace), "not aligned as its descriptor says");
  check_contains(message(nullptr, run.y, run.workspace), "pointer is null");
  check_contains(message(run.x, run.y, nullptr), "needs workspace");
  check_contains(message(run.x + 4, run.y, run.workspace), "out of bounds");
  check_contains(message(run.x, run.x + 128, run.workspace), "host code writes");
  const DeviceArray<float> nothing(128);
  if (executor::kChecksAccesses) check_contains(message(nothing, run.y, run.workspace), "uninitialised");
  const std::vector<float> host(128);
  CHECK(message(host.data(), run.y, run.workspace) != "");
}

TEST_CASE("cuDNN: engines that must not be run say so when they are") {
  Run run;
  check_contains(run.message("2:", run.x, run.y, run.workspace), "not deterministic");
  check_contains(run.message("3:", run.x, run.y, run.workspace), "compiled at run time");
  check_contains(run.message("4:", run.x, run.y, run.workspace), "always fails");
}

TEST_CASE("cuDNN: what is not given back is a leak, and what is gone cannot be used") {
  cudnnBackendDescriptor_t d = nullptr;
  REQUIRE(cudnnBackendCreateDescriptor(CUDNN_BACKEND_TENSOR_DESCRIPTOR, &d) == CUDNN_STATUS_SUCCESS);
  CHECK(executor::leaks() == "1 cuDNN descriptors");
  CHECK(cudnnBackendDestroyDescriptor(d) == CUDNN_STATUS_SUCCESS);
  CHECK(cudnnBackendFinalize(d) == CUDNN_STATUS_BAD_PARAM);
  CHECK(cudnnBackendDestroyDescriptor(d) == CUDNN_STATUS_BAD_PARAM);
  CHECK(executor::leaks().empty());
}

// d [2 x 3] = a [2 x 4] b [4 x 3] as cuBLASLt stores them, column by column.
struct Product {
  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t desc = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, d = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;

  Product() {
    cublasLtCreate(&handle);
    cublasLtMatmulDescCreate(&desc, CUBLAS_COMPUTE_32F, CUDA_R_32F);
    cublasLtMatrixLayoutCreate(&a, CUDA_R_32F, 2, 4, 2);
    cublasLtMatrixLayoutCreate(&b, CUDA_R_32F, 4, 3, 4);
    cublasLtMatrixLayoutCreate(&d, CUDA_R_32F, 2, 3, 2);
    cublasLtMatmulPreferenceCreate(&preference);
    const uint64_t bytes = 1 << 20;
    cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes,
                                         sizeof(bytes));
  }
  ~Product() {
    cublasLtMatmulPreferenceDestroy(preference);
    for (const cublasLtMatrixLayout_t layout : {a, b, d}) cublasLtMatrixLayoutDestroy(layout);
    cublasLtMatmulDescDestroy(desc);
    cublasLtDestroy(handle);
  }
  Product(const Product&) = delete;
  Product& operator=(const Product&) = delete;

  void replace(cublasLtMatrixLayout_t& layout, cudaDataType type, uint64_t rows, uint64_t cols, int64_t ld) {
    cublasLtMatrixLayoutDestroy(layout);
    cublasLtMatrixLayoutCreate(&layout, type, rows, cols, ld);
  }
  cublasStatus_t algorithm(cublasLtMatmulAlgo_t& algo) const {
    cublasLtMatmulHeuristicResult_t result{};
    int count = 0;
    const cublasStatus_t status =
        cublasLtMatmulAlgoGetHeuristic(handle, desc, a, b, d, d, preference, 1, &result, &count);
    algo = result.algo;
    return status;
  }
  cublasStatus_t status() const {
    cublasLtMatmulAlgo_t algo;
    return algorithm(algo);
  }
};

TEST_CASE("cuBLASLt: layouts and types that do not make a product are refused") {
  const auto status = [](const std::function<void(Product&)>& spoil) {
    Product product;
    spoil(product);
    return product.status();
  };
  CHECK(status([](Product&) {}) == CUBLAS_STATUS_SUCCESS);
  CHECK(status([](Product& p) { p.replace(p.b, CUDA_R_32F, 3, 4, 3); }) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(status([](Product& p) { p.replace(p.d, CUDA_R_32F, 3, 2, 3); }) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(status([](Product& p) { p.replace(p.a, CUDA_R_32F, 2, 4, 1); }) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(status([](Product& p) { p.replace(p.a, CUDA_R_32F, 2, 4, 4); }) == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(status([](Product& p) { p.replace(p.a, CUDA_R_16BF, 2, 4, 2); }) == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(status([](Product& p) { p.replace(p.d, CUDA_R_16BF, 2, 3, 2); }) == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(status([](Product& p) {
          const cublasOperation_t op = CUBLAS_OP_T;
          cublasLtMatmulDescSetAttribute(p.desc, CUBLASLT_MATMUL_DESC_TRANSA, &op, sizeof(op));
        }) == CUBLAS_STATUS_INVALID_VALUE);
}

TEST_CASE(
    "cuBLASLt: products with wrong memory are refused or found out, and what is not given back is a leak") {
  {
    const Product product;
    CHECK(executor::leaks() == "1 cuBLASLt handles, 5 cuBLASLt descriptors");
    cublasLtMatmulAlgo_t algo;
    REQUIRE(product.algorithm(algo) == CUBLAS_STATUS_SUCCESS);
    std::vector<float> values(12);
    std::iota(values.begin(), values.end(), 1.0f);
    const DeviceArray<float> a(std::vector<float>(8, 1.0f)), b(values), d(6), workspace(64);
    const auto run = [&](const float* from, float* to, size_t workspace_bytes,
                         const cublasLtMatmulAlgo_t& by) {
      const float one = 1, zero = 0;
      const cublasStatus_t status =
          cublasLtMatmul(product.handle, product.desc, &one, from, product.a, b, product.b, &zero, to,
                         product.d, to, product.d, &by, workspace, workspace_bytes, nullptr);
      cudaDeviceSynchronize();
      return status == CUBLAS_STATUS_SUCCESS && !executor::take_violations().empty()
                 ? CUBLAS_STATUS_EXECUTION_FAILED
                 : status;
    };
    CHECK(run(a, d, 256, algo) == CUBLAS_STATUS_SUCCESS);
    CHECK(d.values() == std::vector<float>{10, 10, 26, 26, 42, 42});
    CHECK(run(a, d, 0, algo) == CUBLAS_STATUS_INVALID_VALUE);
    CHECK(run(nullptr, d, 256, algo) == CUBLAS_STATUS_INVALID_VALUE);
    CHECK(run(a + 1, d, 256, algo) == CUBLAS_STATUS_INVALID_VALUE);
    CHECK(run(a + 4, d, 256, algo) == CUBLAS_STATUS_EXECUTION_FAILED);
    CHECK(run(a, d + 4, 256, algo) == CUBLAS_STATUS_EXECUTION_FAILED);
    CHECK(run(a, d, 256, cublasLtMatmulAlgo_t{}) == CUBLAS_STATUS_INVALID_VALUE);
  }
  CHECK(executor::leaks().empty());
}

}  // namespace
}  // namespace inpaint
