// Stand-in for cuDNN's engines: what they support, and the products, computed naively. One engine breaks each
// promise the program has to look at (numerical and behavior notes, failures), so that running it shows.

#include <algorithm>
#include <bit>
#include <cstring>

#include "tests/cuda_executor/libraries/cudnn_graph.h"
#include "tests/cuda_executor/libraries/library_memory.h"
#include "tests/cuda_executor/violation.h"

namespace inpaint::executor::cudnn {
namespace {

enum : size_t { kTensorCores, kPlain, kNotDeterministic, kCompiledAtRunTime };  // and one that fails

TensorView read_tensor(const Descriptor& d) {
  TensorView t{d.value<int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID),
               d.value<int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT),
               d.value<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE),
               {},
               {}};
  const auto dims = d.values<int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS),
             strides = d.values<int64_t>(CUDNN_ATTR_TENSOR_STRIDES);
  std::copy_n(dims.begin(), 4, t.dims.begin());
  std::copy_n(strides.begin(), 4, t.strides.begin());
  return t;
}

struct Names {
  cudnnBackendAttributeName_t alpha, beta, convolution, w, x, y;
};

Names names_of(cudnnBackendDescriptorType_t product) {
  switch (product) {
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
      return {
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,         CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y};
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
      return {
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY};
    default:
      return {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY};
  }
}

double factor(const Descriptor& op, cudnnBackendAttributeName_t name, cudnnDataType_t compute) {
  const bool is_double = op.attributes.at(name).type == CUDNN_TYPE_DOUBLE;
  require(is_double == (compute == CUDNN_DATA_DOUBLE), CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE,
          "alpha and beta are not of the type that is computed in");
  return is_double ? op.value<double>(name) : static_cast<double>(op.value<float>(name));
}

bool is_nhwc(const TensorView& t) {
  const auto& d = t.dims;
  return t.strides == std::array<int64_t, 4>{d[1] * d[2] * d[3], 1, d[1] * d[3], d[1]};
}

Element element_of(cudnnDataType_t type) {
  return type == CUDNN_DATA_BFLOAT16 ? Element::kBF16
         : type == CUDNN_DATA_FLOAT  ? Element::kFloat
                                     : Element::kDouble;
}

// As the tensor cores read a float: ten bits of its mantissa are left.
double to_tf32(double value) {
  uint32_t bits = std::bit_cast<uint32_t>(static_cast<float>(value));
  bits = (bits + 0xfffu + ((bits >> 13) & 1u)) & ~0x1fffu;
  return static_cast<double>(std::bit_cast<float>(bits));
}

int64_t elements(const TensorView& t) { return t.dims[0] * t.dims[1] * t.dims[2] * t.dims[3]; }

// Calls f(first element of x, of w, element of y) for every window row and output channel: x and w run over
// ci channels from there.
template <typename F>
void for_each_run(const Convolution& c, F f) {
  const auto [n, ci, h, w] = c.x.dims;
  const auto [co, ci_again, kh, kw] = c.w.dims;
  const int64_t ho = c.y.dims[2], wo = c.y.dims[3];
  for (int64_t b = 0; b < n; ++b)
    for (int64_t i = 0; i < ho; ++i)
      for (int64_t j = 0; j < wo; ++j)
        for (int64_t ky = 0; ky < kh; ++ky)
          for (int64_t kx = 0; kx < kw; ++kx) {
            const int64_t y_px = i * c.strides[0] + ky * c.dilations[0] - c.pads[0];
            const int64_t x_px = j * c.strides[1] + kx * c.dilations[1] - c.pads[1];
            if (y_px < 0 || y_px >= h || x_px < 0 || x_px >= w) continue;
            for (int64_t o = 0; o < co; ++o)
              f(static_cast<size_t>(((b * h + y_px) * w + x_px) * ci),
                static_cast<size_t>(((o * kh + ky) * kw + kx) * ci),
                static_cast<size_t>(((b * ho + i) * wo + j) * co + o));
          }
}

}  // namespace

int64_t TensorView::bytes() const {
  return elements(*this) * static_cast<int64_t>(size_of(element_of(type)));
}

const TensorView& Convolution::output() const {
  switch (product) {
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
      return y;
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
      return x;
    default:
      return w;
  }
}

Convolution read_graph(const Descriptor& graph) {
  const Descriptor& op = live(graph.value<void*>(CUDNN_ATTR_OPERATIONGRAPH_OPS));
  require(op.finalized, CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, "an operation is not finalized");
  require(op.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR ||
              op.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR ||
              op.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
          CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE, "the graph's node is no operation");
  const Names names = names_of(op.type);
  const auto tensor = [&](cudnnBackendAttributeName_t name) {
    return read_tensor(named(op, name, CUDNN_BACKEND_TENSOR_DESCRIPTOR));
  };
  const Descriptor& convolution = named(op, names.convolution, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const auto pair = [&](cudnnBackendAttributeName_t name) {
    const auto values = convolution.values<int64_t>(name);
    return std::array<int64_t, 2>{values[0], values[1]};
  };
  const auto compute = convolution.value<cudnnDataType_t>(CUDNN_ATTR_CONVOLUTION_COMP_TYPE);
  const Convolution c{op.type,
                      tensor(names.x),
                      tensor(names.w),
                      tensor(names.y),
                      pair(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS),
                      pair(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES),
                      pair(CUDNN_ATTR_CONVOLUTION_DILATIONS),
                      compute,
                      factor(op, names.alpha, compute),
                      factor(op, names.beta, compute)};
  require(convolution.value<int64_t>(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS) == 2, CUDNN_STATUS_NOT_SUPPORTED,
          "only convolutions over two dimensions");
  require(
      convolution.value<cudnnConvolutionMode_t>(CUDNN_ATTR_CONVOLUTION_CONV_MODE) == CUDNN_CROSS_CORRELATION,
      CUDNN_STATUS_NOT_SUPPORTED, "only cross-correlations");
  const auto post = pair(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS);
  for (size_t axis = 0; axis < 2; ++axis) {
    const int64_t span = c.dilations[axis] * (c.w.dims[2 + axis] - 1) + 1;
    require(
        c.y.dims[2 + axis] == (c.x.dims[2 + axis] + c.pads[axis] + post[axis] - span) / c.strides[axis] + 1,
        CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "the output has another height or width");
  }
  require(c.x.dims[0] == c.y.dims[0] && c.x.dims[1] == c.w.dims[1] && c.y.dims[1] == c.w.dims[0],
          CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "pictures or channels of the tensors differ");
  require(c.x.uid != c.w.uid && c.w.uid != c.y.uid && c.y.uid != c.x.uid,
          CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES, "two tensors have one identifier");
  return c;
}

const std::vector<Engine>& engines() {
  static const std::vector<Engine> all = {
      {{CUDNN_NUMERICAL_NOTE_TENSOR_CORE}, {}, true, false},
      {{}, {}, false, false},
      {{CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC}, {}, false, false},
      {{}, {CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION}, false, false},
      {{}, {}, false, true},
  };
  return all;
}

void require_support(const Convolution& c, size_t engine) {
  require(is_nhwc(c.x) && is_nhwc(c.w) && is_nhwc(c.y), CUDNN_STATUS_NOT_SUPPORTED_LAYOUT,
          "only packed tensors with the channels innermost");
  require(c.alpha == 1 && c.beta == 0, CUDNN_STATUS_NOT_SUPPORTED, "only alpha 1 and beta 0");
  const cudnnDataType_t read = c.x.type;
  for (const TensorView* const tensor : {&c.x, &c.w, &c.y})
    require(tensor->type == read, CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE,
            "tensors of different types (the real cuDNN has no engine that writes f32 from bf16)");
  require((read == CUDNN_DATA_FLOAT || read == CUDNN_DATA_BFLOAT16) && c.compute == CUDNN_DATA_FLOAT,
          CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE, "only float and bfloat16, computed in float");
  const int64_t multiple = read == CUDNN_DATA_FLOAT ? 4 : 8;
  require(engine != kTensorCores || (c.w.dims[0] % multiple == 0 && c.w.dims[1] % multiple == 0),
          CUDNN_STATUS_NOT_SUPPORTED_SHAPE, "tensor cores want multiples of 16 bytes of channels");
}

int64_t workspace_bytes(const Convolution& c, size_t engine) {
  if (engine == kTensorCores) return 0;
  return c.product == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR ? c.output().bytes() + 3
                                                                                     : 16;
}

void run(const Convolution& c, size_t engine, const void* x, const void* w, const void* y, void* workspace) {
  if (engine == kNotDeterministic)
    return report({cudaErrorLaunchFailure, "an engine that is not deterministic was run"});
  if (engine == kCompiledAtRunTime)
    return report({cudaErrorLaunchFailure, "an engine that is compiled at run time was run"});
  const Scratch scratch(workspace, workspace_bytes(c, engine));
  const auto read = [&](const TensorView& tensor, const void* pointer) {
    if (&tensor == &c.output()) return std::vector<double>(static_cast<size_t>(elements(tensor)));
    auto values = read_elements("cuDNN", element_of(tensor.type), pointer, elements(tensor));
    if (engine == kTensorCores && tensor.type == CUDNN_DATA_FLOAT)
      std::transform(values.begin(), values.end(), values.begin(), to_tf32);
    return values;
  };
  std::vector<double> xs = read(c.x, x), ws = read(c.w, w), ys = read(c.y, y);
  const auto channels = static_cast<size_t>(c.x.dims[1]);
  switch (c.product) {
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
      for_each_run(c, [&](size_t i, size_t k, size_t o) {
        for (size_t e = 0; e < channels; ++e) ys[o] += xs[i + e] * ws[k + e];
      });
      return write_elements(element_of(c.y.type), const_cast<void*>(y), ys);
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
      for_each_run(c, [&](size_t i, size_t k, size_t o) {
        for (size_t e = 0; e < channels; ++e) xs[i + e] += ys[o] * ws[k + e];
      });
      return write_elements(element_of(c.x.type), const_cast<void*>(x), xs);
    default:
      for_each_run(c, [&](size_t i, size_t k, size_t o) {
        for (size_t e = 0; e < channels; ++e) ws[k + e] += ys[o] * xs[i + e];
      });
      return write_elements(element_of(c.w.type), const_cast<void*>(w), ws);
  }
}

}  // namespace inpaint::executor::cudnn
