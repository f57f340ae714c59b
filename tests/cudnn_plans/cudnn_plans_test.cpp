// What the real cuDNN plans for our convolutions on GPUs that are only described: no GPU is needed. Our own
// files name the products to it, as they do in training.
#include <doctest/doctest.h>

#include <set>

#include "kernels/conv/conv2d_direct_cuda.h"
#include "kernels/conv/cudnn_convolution.h"
#include "nn/networks/context_encoder.h"

using namespace inpaint;
using cuda::ConvolutionProduct;
using cuda::CudnnConvolution;
using cuda::CudnnDescriptor;
using cuda::CudnnHandle;
using Kind = ConvolutionProduct::Kind;

namespace {

// As cuDNN describes them.
constexpr const char* kH100 =
    R"({"maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],"regsPerBlock":65536,)"
    R"("multiProcessorCount":132,"warpSize":32,"maxSharedMemoryPerBlock":49152,"maxSharedMemoryPerBlockOptin":232448,)"
    R"("reservedSharedMemoryPerBlock":1024,"maxRegistersPerSM":65536,"maxCtasPerSM":32,"maxThreadsPerBlock":1024,)"
    R"("maxThreadsPerSM":2048,"pciDeviceId":0,"isTccDriver":0,"supportCoopLaunch":1,"totalGlobalMem":85029158912,)"
    R"("smClockRateKHz":1980000,"memClockRateKHz":2619000,"l2CacheSize":52428800,"cudaDeviceId":0,"deviceVer":900,)"
    R"("driverVer":13000,"deviceName":"NVIDIA H100 80GB HBM3"})";
constexpr const char* kA100 =
    R"({"maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],"regsPerBlock":65536,)"
    R"("multiProcessorCount":108,"warpSize":32,"maxSharedMemoryPerBlock":49152,"maxSharedMemoryPerBlockOptin":166912,)"
    R"("reservedSharedMemoryPerBlock":1024,"maxRegistersPerSM":65536,"maxCtasPerSM":32,"maxThreadsPerBlock":1024,)"
    R"("maxThreadsPerSM":2048,"pciDeviceId":0,"isTccDriver":0,"supportCoopLaunch":1,"totalGlobalMem":85031714816,)"
    R"("smClockRateKHz":1410000,"memClockRateKHz":1593000,"l2CacheSize":41943040,"cudaDeviceId":0,"deviceVer":800,)"
    R"("driverVer":13000,"deviceName":"NVIDIA A100-SXM4-80GB"})";

// Convolutions of both networks for pictures of this side: rows, channels in and channels out.
std::set<std::array<int64_t, 3>> layers_of(int64_t image_size) {
  std::set<std::array<int64_t, 3>> found;
  const ContextEncoderOptions options{.image_size = image_size, .image_channel = 3};
  const Network generator = make_generator(options), discriminator = make_discriminator(options);
  for (const Network* const network : {&generator, &discriminator}) {
    const std::vector<Shape> shapes = network->output_shapes(network->in_shape(1));
    for (size_t i = 0; i < shapes.size(); ++i) {
      const Network::Node& node = network->nodes()[i];
      const LayerDescription description = node.layer->describe();
      const auto* const conv = std::get_if<Conv2dDescription>(&description);
      if (conv == nullptr) continue;
      const Shape x =
          node.from.is_input() ? network->in_shape(1) : shapes[static_cast<size_t>(node.from.node)];
      const Shape &y = shapes[i], &wide = conv->transposed ? y : x, &narrow = conv->transposed ? x : y;
      found.insert({wide[1], wide[3], narrow[3]});
    }
  }
  return found;
}

struct Precision {
  DType dtype;
  Fp32Products products;
};
constexpr Precision kPrecisions[] = {{DType::kBF16, Fp32Products::kExact},
                                     {DType::kF32, Fp32Products::kExact},
                                     {DType::kF32, Fp32Products::kTf32}};
constexpr Kind kKinds[] = {Kind::kForward, Kind::kBackwardData, Kind::kBackwardWeight};

int planned_engines(const CudnnHandle& gpu, const ConvolutionProduct& product) {
  int planned = 0;
  for (const std::string& engine : CudnnConvolution::engines(gpu, product)) {
    try {
      const CudnnConvolution plan(gpu, product, engine);
      CHECK(plan.workspace_bytes() >= 0);
      ++planned;
    } catch (const cuda::CudnnError& error) {
      CHECK_MESSAGE(error.is_not_supported(), error.what());
    }
  }
  return planned;
}

}  // namespace

TEST_CASE("cuDNN has engines for every convolution of the networks, on H100 and A100") {
  for (const char* const description : {kH100, kA100}) {
    const CudnnHandle gpu = CudnnHandle::of_described_device(description);
    for (const int64_t size : {64, 128, 256})
      for (const auto& [side, ci, co] : layers_of(size))
        for (const int64_t n : {4, 64, 1024})
          for (const Precision& p : kPrecisions)
            for (const Kind kind : kKinds) {
              if (ci <= cuda::kFewChannels) continue;  // our own kernels can do these
              const ConvolutionProduct product{kind, {n, side, side, ci, co}, p.dtype, p.products};
              CHECK_MESSAGE(planned_engines(gpu, product) > 0, to_string(product));
            }
  }
}

TEST_CASE("cuDNN has engines for other windows: 3 x 3, dilated, 1 x 1") {
  for (const char* const description : {kH100, kA100}) {
    const CudnnHandle gpu = CudnnHandle::of_described_device(description);
    for (const Conv2dWindow& window : {Conv2dWindow{3, 1, 1, 1}, {3, 1, 2, 2}, {3, 1, 8, 8}, {1, 1, 0, 1}})
      for (const auto& [ci, co] : {std::pair<int64_t, int64_t>{64, 64}, {32, 64}, {64, 3}})
        for (const Precision& p : kPrecisions)
          for (const Kind kind : kKinds) {
            const ConvolutionProduct product{kind, {16, 64, 64, ci, co, window}, p.dtype, p.products};
            CAPTURE(to_string(product));
            CHECK(planned_engines(gpu, product) > 0);
          }
  }
}

TEST_CASE("cuDNN has no engine that makes a weight gradient in f32 from bf16") {
  const CudnnHandle gpu = CudnnHandle::of_described_device(kH100);
  const auto tensor = [](int64_t id, cudnnDataType_t type, std::vector<int64_t> dims,
                         std::vector<int64_t> strides) {
    CudnnDescriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    d.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id);
    d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, type);
    d.set(CUDNN_ATTR_TENSOR_DIMENSIONS, dims);
    d.set(CUDNN_ATTR_TENSOR_STRIDES, strides);
    d.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, int64_t{16});
    d.finalize();
    return d;
  };
  const auto has_plan = [&](const CudnnDescriptor& config) {
    try {
      CudnnDescriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      gpu.name_device_to(plan, std::nullopt, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP);
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
      plan.finalize();
      return true;
    } catch (const cuda::CudnnError& error) {
      CHECK_MESSAGE(error.is_not_supported(), error.what());
      return false;
    }
  };
  const auto plans = [&](cudnnDataType_t written) {
    const CudnnDescriptor x = tensor(1, CUDNN_DATA_BFLOAT16, {64, 64, 32, 32}, {65536, 1, 2048, 64}),
                          dw = tensor(2, written, {128, 64, 4, 4}, {1024, 1, 256, 64}),
                          dy = tensor(3, CUDNN_DATA_BFLOAT16, {64, 128, 16, 16}, {32768, 1, 2048, 128});
    CudnnDescriptor convolution(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    convolution.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
    convolution.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
    convolution.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t{2});
    convolution.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, std::vector<int64_t>{2, 2});
    for (const auto name : {CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS,
                            CUDNN_ATTR_CONVOLUTION_DILATIONS})
      convolution.set(name, std::vector<int64_t>{1, 1});
    convolution.finalize();
    CudnnDescriptor operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR);
    const float one = 1, zero = 0;
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, x);
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, dw);
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, dy);
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, convolution);
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, CUDNN_TYPE_FLOAT, 1, &one);
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, CUDNN_TYPE_FLOAT, 1, &zero);
    operation.finalize();
    CudnnDescriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
    graph.finalize();
    int64_t found = 0;
    for (const cudnnBackendHeurMode_t mode_of_search : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
      try {
        CudnnDescriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
        heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
        heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode_of_search);
        gpu.name_device_to(heuristics, std::nullopt, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP);
        heuristics.finalize();
        for (const CudnnDescriptor& config :
             heuristics.get_descriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR,
                                        heuristics.count(CUDNN_ATTR_ENGINEHEUR_RESULTS)))
          found += has_plan(config);
      } catch (const cuda::CudnnError& error) {
        CHECK_MESSAGE(error.is_not_supported(), error.what());
      }
    }
    return found;
  };
  CHECK(plans(CUDNN_DATA_BFLOAT16) > 0);
  CHECK(plans(CUDNN_DATA_FLOAT) == 0);
}
