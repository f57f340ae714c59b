#include "kernels/conv/cudnn_convolution.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace inpaint::cuda {
namespace {

using Kind = ConvolutionProduct::Kind;

constexpr int64_t kX = 'x', kW = 'w', kY = 'y';  // identifiers of the tensors

cudnnDataType_t to_cudnn(DType dtype) {
  switch (dtype) {
    case DType::kBF16:
      return CUDNN_DATA_BFLOAT16;
    case DType::kF32:
      return CUDNN_DATA_FLOAT;
    case DType::kF64:
      return CUDNN_DATA_DOUBLE;
    default:
      throw ShapeError(fmt::format("conv2d does not take {}", inpaint::to_string(dtype)));
  }
}

// shape: as we store it, the channels last; cuDNN names them second.
CudnnDescriptor tensor(int64_t id, const Shape& shape, DType dtype) {
  const int64_t n = shape[0], h = shape[1], w = shape[2], c = shape[3];
  CudnnDescriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  d.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id);
  d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, to_cudnn(dtype));
  d.set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::vector<int64_t>{n, c, h, w});
  d.set(CUDNN_ATTR_TENSOR_STRIDES, std::vector<int64_t>{h * w * c, 1, w * c, c});
  d.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CudnnConvolution::kAlignment);
  d.finalize();
  return d;
}

CudnnDescriptor convolution(const Conv2dWindow& window, DType dtype) {
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  CudnnDescriptor d(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  d.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, dtype == DType::kF64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT);
  d.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
  d.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t{2});
  d.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, std::vector<int64_t>{window.stride, window.stride});
  d.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, std::vector<int64_t>{window.pad, window.pad});
  d.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, std::vector<int64_t>{window.pad, window.pad});
  d.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, std::vector<int64_t>{window.dilation, window.dilation});
  d.finalize();
  return d;
}

struct OperationNames {
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t x, w, y, convolution, alpha, beta;
};

OperationNames names_of(Kind kind) {
  switch (kind) {
    case Kind::kForward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case Kind::kBackwardData:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    case Kind::kBackwardWeight:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
  }
  throw Error("unknown convolution product");
}

// The graph, last, behind the descriptors that it refers to. alpha is 1 and beta 0: engines for other values
// are few.
std::vector<CudnnDescriptor> operation_graph(const CudnnHandle& handle, const ConvolutionProduct& p) {
  std::vector<CudnnDescriptor> parts;
  parts.push_back(tensor(kX, p.shape.x(), p.dtype));
  parts.push_back(tensor(kW, p.shape.weight(), p.dtype));
  parts.push_back(tensor(kY, p.shape.y(), p.dtype));
  parts.push_back(convolution(p.shape.window, p.dtype));

  const OperationNames names = names_of(p.kind);
  CudnnDescriptor operation(names.type);
  operation.set(names.x, parts[0]);
  operation.set(names.w, parts[1]);
  operation.set(names.y, parts[2]);
  operation.set(names.convolution, parts[3]);
  const double one = 1, zero = 0;
  const float one_f32 = 1, zero_f32 = 0;
  const bool is_double = p.dtype == DType::kF64;
  const cudnnBackendAttributeType_t type = is_double ? CUDNN_TYPE_DOUBLE : CUDNN_TYPE_FLOAT;
  operation.set(names.alpha, type, 1, is_double ? static_cast<const void*>(&one) : &one_f32);
  operation.set(names.beta, type, 1, is_double ? static_cast<const void*>(&zero) : &zero_f32);
  operation.finalize();

  CudnnDescriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  handle.name_device_to(graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, std::nullopt);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
  graph.finalize();
  parts.push_back(std::move(operation));
  parts.push_back(std::move(graph));
  return parts;
}

bool is_allowed(const CudnnDescriptor& engine, const ConvolutionProduct& p) {
  const auto notes = engine.get<cudnnBackendNumericalNote_t>(
      CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
  const auto behavior = engine.get<cudnnBackendBehaviorNote_t>(
      CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE, CUDNN_BEHAVIOR_NOTE_TYPE_COUNT);
  const auto has = [&](cudnnBackendNumericalNote_t note) {
    return std::find(notes.begin(), notes.end(), note) != notes.end();
  };
  if (has(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC) || has(CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION))
    return false;
  if (std::find(behavior.begin(), behavior.end(), CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION) != behavior.end())
    return false;
  const bool is_exact_f32 = p.dtype == DType::kF32 && p.fp32_products == Fp32Products::kExact;
  return !is_exact_f32 ||
         (!has(CUDNN_NUMERICAL_NOTE_TENSOR_CORE) && !has(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS));
}

// The engine of a configuration that the heuristics gave, as text; nothing when it is not allowed.
std::optional<std::string> describe(const CudnnDescriptor& config, const ConvolutionProduct& p) {
  const std::vector<CudnnDescriptor> found =
      config.get_descriptors(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR, 1);
  if (found.empty() || !is_allowed(found.front(), p)) return std::nullopt;
  std::string text = fmt::format("{}:", found.front().get_int64(CUDNN_ATTR_ENGINE_GLOBAL_INDEX));
  for (const CudnnDescriptor& knob : config.get_descriptors(
           CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, CUDNN_KNOB_TYPE_COUNTS)) {
    const auto type =
        knob.get<cudnnBackendKnobType_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1);
    INPAINT_CHECK(type.size() == 1, "cuDNN gives a setting no name");
    text += fmt::format(" {}={}", static_cast<int>(type.front()),
                        knob.get_int64(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE));
  }
  return text;
}

struct Engine {
  int64_t index;
  std::vector<std::pair<int, int64_t>> knobs;  // type, value
};

Engine parse(const std::string& text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto number = [&](auto& value) {
    const auto [stop, error] = std::from_chars(at, end, value);
    INPAINT_CHECK(error == std::errc(), "'{}' is no cuDNN engine", text);
    at = stop;
  };
  const auto skip = [&](char wanted) {
    INPAINT_CHECK(at != end && *at == wanted, "'{}' is no cuDNN engine", text);
    ++at;
  };
  Engine engine{};
  number(engine.index);
  skip(':');
  while (at != end) {
    auto& [type, value] = engine.knobs.emplace_back();
    skip(' ');
    number(type);
    skip('=');
    number(value);
  }
  return engine;
}

CudnnDescriptor knob_choice(int type, int64_t value) {
  const auto knob_type = static_cast<cudnnBackendKnobType_t>(type);
  CudnnDescriptor d(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
  d.set(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, &knob_type);
  d.set(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, value);
  d.finalize();
  return d;
}

// CudnnErrors that body throws come out with the product's name in front.
template <typename F>
auto named(const std::string& what, F body) {
  try {
    return body();
  } catch (const CudnnError& error) {
    throw CudnnError(fmt::format("{}: {}", what, error.what()), error.status());
  }
}

}  // namespace

std::string to_string(const ConvolutionProduct& p) {
  constexpr const char* kNames[] = {"conv2d_forward", "conv2d_backward_data", "conv2d_backward_weight"};
  const Conv2dShape& s = p.shape;
  const Conv2dWindow& v = s.window;
  const std::string window = v == kHalving ? ""
                                           : fmt::format(" kernel {} stride {} pad {} dilation {}", v.kernel,
                                                         v.stride, v.pad, v.dilation);
  return fmt::format("{} n {} h {} w {} ci {} co {}{} {}{}", kNames[static_cast<size_t>(p.kind)], s.n, s.h,
                     s.w, s.ci, s.co, window, inpaint::to_string(p.dtype),
                     p.dtype == DType::kF32 && p.fp32_products == Fp32Products::kTf32 ? " tf32" : "");
}

std::vector<std::string> CudnnConvolution::engines(const CudnnHandle& handle, const ConvolutionProduct& p) {
  std::vector<std::string> texts;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    try {
      named(to_string(p), [&] {
        const std::vector<CudnnDescriptor> graph = operation_graph(handle, p);
        CudnnDescriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
        heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph.back());
        heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
        handle.name_device_to(heuristics, std::nullopt, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP);
        heuristics.finalize();
        for (const CudnnDescriptor& config :
             heuristics.get_descriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR,
                                        heuristics.count(CUDNN_ATTR_ENGINEHEUR_RESULTS)))
          if (const auto text = describe(config, p);
              text && std::find(texts.begin(), texts.end(), *text) == texts.end())
            texts.push_back(*text);
      });
    } catch (const CudnnError& error) {
      if (!error.is_not_supported()) throw;
    }
  }
  return texts;
}

CudnnConvolution::CudnnConvolution(const CudnnHandle& handle, const ConvolutionProduct& product,
                                   const std::string& engine)
    : what_(fmt::format("{}, engine {}", to_string(product), engine)),
      plan_(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
  named(what_, [&] {
    const Engine chosen = parse(engine);
    parts_ = operation_graph(handle, product);
    CudnnDescriptor d(CUDNN_BACKEND_ENGINE_DESCRIPTOR), config(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    d.set(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, parts_.back());
    d.set(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, chosen.index);
    handle.name_device_to(d, std::nullopt, CUDNN_ATTR_ENGINE_DEVICEPROP);
    d.finalize();
    config.set(CUDNN_ATTR_ENGINECFG_ENGINE, d);
    std::vector<CudnnDescriptor> knobs;
    for (const auto& [type, value] : chosen.knobs) knobs.push_back(knob_choice(type, value));
    if (!knobs.empty()) config.set(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, knobs);
    config.finalize();
    handle.name_device_to(plan_, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP);
    plan_.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
    plan_.finalize();
    workspace_bytes_ = plan_.get_int64(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
    for (CudnnDescriptor& knob : knobs) parts_.push_back(std::move(knob));
    parts_.push_back(std::move(d));
    parts_.push_back(std::move(config));
  });
}

void CudnnConvolution::run(const CudnnHandle& handle, const void* x, const void* w, const void* y,
                           void* workspace) const {
  const int64_t ids[] = {kX, kW, kY};
  const void* const pointers[] = {x, w, y};
  named(what_, [&] {
    CudnnDescriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, 3, ids);
    pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, 3, pointers);
    if (workspace_bytes_ > 0) pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
    pack.finalize();
    check_cudnn(cudnnBackendExecute(handle.get(), plan_.handle(), pack.handle()), "cudnnBackendExecute");
  });
}

}  // namespace inpaint::cuda
