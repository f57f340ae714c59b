// conv2d on CUDA; contract in conv2d.h. A product can be made in several ways: by cuDNN, with one of its
// engines; by our tensor-core kernels for few channels; by our direct kernels, which take every shape. The
// fastest way is measured when a product is first planned here. Plans are made by conv2d_workspace_bytes,
// outside of any step; a step looks them up and enqueues.
#include <compare>
#include <functional>
#include <map>
#include <optional>

#include "kernels/conv/conv2d.h"
#include "kernels/conv/conv2d_any_cuda.h"
#include "kernels/conv/conv2d_direct_cuda.h"
#include "kernels/conv/conv2d_few_cuda.h"
#include "kernels/conv/cudnn_convolution.h"
#include "kernels/cuda/accumulate_cuda.h"
#include "kernels/cuda/device_choices_cuda.h"
#include "kernels/cuda/fastest_cuda.h"

namespace inpaint::cuda {
namespace {

using Kind = ConvolutionProduct::Kind;

// The names of our own ways. cuDNN's are the texts of its engines.
constexpr const char* kTensorCores = "own tensor cores";
constexpr const char* kDirect = "own";
constexpr size_t kMostEngines = 16;      // tried
constexpr int64_t kPartAlignment = 256;  // of the parts of a workspace

int64_t aligned_up(int64_t bytes) { return (bytes + kPartAlignment - 1) / kPartAlignment * kPartAlignment; }

Conv2dShape shape_of(const Conv2dWindow& window, const Tensor& x, const Tensor& w) {
  return {x.shape[0], x.shape[1], x.shape[2], x.shape[3], w.shape[0], window};
}

ConvolutionProduct product_of(const Context& ctx, Kind kind, const Conv2dShape& shape, DType dtype) {
  return {kind, shape, dtype, ctx.fp32_products()};
}

// x, w and y, or dx, w and dy, or x, dw and dy. The mode is dw's.
struct Operands {
  Tensor x, w, y;
  GradMode mode = GradMode::kOverwrite;
};

bool is_aligned(const Tensor& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.data) % CudnnConvolution::kAlignment == 0;
}

// A way to make one product of one shape. run enqueues the product.
struct Way {
  std::string name;  // DeviceChoices keep this
  int64_t workspace_bytes;
  bool needs_alignment;  // of all tensors, to CudnnConvolution::kAlignment
  std::function<void(const Context&, const Operands&, void* workspace)> run;
};

// ---- The ways --------------------------------------------------------------------------------------------

// The three products in kernels of our own.
struct OwnKernels {
  const char* name;
  bool needs_alignment;
  void (*forward)(const Context&, const Conv2dShape&, const Tensor& x, const Tensor& w, const Tensor& y);
  void (*backward_data)(const Context&, const Conv2dShape&, const Tensor& dy, const Tensor& w,
                        const Tensor& dx);
  int64_t (*backward_weight_workspace_bytes)(const Conv2dShape&, DType);
  void (*backward_weight)(const Context&, const Conv2dShape&, const Tensor& x, const Tensor& dy,
                          const Tensor& dw, GradMode, void* workspace);
};

constexpr OwnKernels kDirectKernels = {kDirect,
                                       false,
                                       conv2d_direct_forward,
                                       conv2d_direct_backward_data,
                                       conv2d_direct_backward_weight_workspace_bytes,
                                       conv2d_direct_backward_weight};

// For windows that the direct kernels do not take.
constexpr OwnKernels kAnyKernels = {
    kDirect,
    false,
    conv2d_any_forward,
    conv2d_any_backward_data,
    [](const Conv2dShape&, DType) { return int64_t{0}; },
    [](const Context& ctx, const Conv2dShape& s, const Tensor& x, const Tensor& dy, const Tensor& dw,
       GradMode mode, void*) { conv2d_any_backward_weight(ctx, s, x, dy, dw, mode); }};

constexpr OwnKernels kTensorCoreKernels = {
    kTensorCores,
    true,
    conv2d_few_forward,
    conv2d_few_backward_data,
    [](const Conv2dShape& s, DType) { return conv2d_few_backward_weight_workspace_bytes(s); },
    conv2d_few_backward_weight};

Way own_way(const OwnKernels& kernels, const ConvolutionProduct& p) {
  const auto way = [&](int64_t workspace_bytes, auto run) {
    return Way{kernels.name, workspace_bytes, kernels.needs_alignment, run};
  };
  const Conv2dShape s = p.shape;
  switch (p.kind) {
    case Kind::kForward:
      return way(0, [s, run = kernels.forward](const Context& ctx, const Operands& o, void*) {
        run(ctx, s, o.x, o.w, o.y);
      });
    case Kind::kBackwardData:
      return way(0, [s, run = kernels.backward_data](const Context& ctx, const Operands& o, void*) {
        run(ctx, s, o.y, o.w, o.x);
      });
    case Kind::kBackwardWeight:
      return way(kernels.backward_weight_workspace_bytes(s, p.dtype),
                 [s, run = kernels.backward_weight](const Context& ctx, const Operands& o, void* workspace) {
                   run(ctx, s, o.x, o.y, o.w, o.mode, workspace);
                 });
  }
  throw Error("unknown convolution product");
}

Way direct_way(const ConvolutionProduct& p) {
  return own_way(p.shape.window == kHalving ? kDirectKernels : kAnyKernels, p);
}

// None where the kernels do not take the product.
std::optional<Way> tensor_core_way(const Context& context, const ConvolutionProduct& p) {
  if (!conv2d_few_takes(context, p.shape, p.dtype)) return std::nullopt;
  return own_way(kTensorCoreKernels, p);
}

// Throws Error when there is no plan with this engine. The handle outlives the way.
//
// A weight gradient that is not the gradient itself goes to the workspace, in front of cuDNN's own. cuDNN
// writes the type it reads, so that a bf16 gradient has to be widened.
Way cudnn_way(const CudnnHandle& handle, const ConvolutionProduct& p, const std::string& engine) {
  const auto plan = std::make_shared<const CudnnConvolution>(handle, p, engine);
  if (p.kind != Kind::kBackwardWeight)
    return {engine, plan->workspace_bytes(), true,
            [&handle, plan](const Context&, const Operands& o, void* workspace) {
              plan->run(handle, o.x.data, o.w.data, o.y.data, workspace);
            }};
  const int64_t front = aligned_up(p.shape.weight().elements() * size_of(p.dtype));
  return {engine, front + plan->workspace_bytes(), true,
          [&handle, plan, front](const Context& ctx, const Operands& o, void* workspace) {
            const bool is_direct = o.x.dtype == o.w.dtype && o.mode == GradMode::kOverwrite;
            const Tensor result = is_direct ? o.w : Tensor{o.w.shape, o.x.dtype, o.w.device, workspace};
            plan->run(handle, o.x.data, result.data, o.y.data, static_cast<std::byte*>(workspace) + front);
            if (!is_direct) accumulate(ctx, result, o.w, o.mode);
          }};
}

// ---- The choice ------------------------------------------------------------------------------------------

struct Key {
  Kind kind;
  int64_t n, h, w, ci, co, kernel, stride, pad, dilation;
  DType dtype;
  auto operator<=>(const Key&) const = default;
};

Key key_of(const ConvolutionProduct& p) {
  const Conv2dShape& s = p.shape;
  const Conv2dWindow& v = s.window;
  return {p.kind, s.n, s.h, s.w, s.ci, s.co, v.kernel, v.stride, v.pad, v.dilation, p.dtype};
}

// The context's cuDNN handle and the way of each product.
class ConvolutionPlans {
 public:
  explicit ConvolutionPlans(const Context& ctx) : handle_(ctx.stream()) {}
  ConvolutionPlans(const ConvolutionPlans&) = delete;  // the ways refer to the handle
  ConvolutionPlans& operator=(const ConvolutionPlans&) = delete;

  const Way& make(const Context& ctx, const ConvolutionProduct& p) {
    const Key key = key_of(p);
    if (const auto place = plans_.find(key); place != plans_.end()) return place->second;
    return plans_.emplace(key, choose(ctx, p)).first->second;
  }

  const Way& planned(const ConvolutionProduct& p) const {
    const auto place = plans_.find(key_of(p));
    INPAINT_CHECK(place != plans_.end(), "{} was not planned with conv2d_workspace_bytes", to_string(p));
    return place->second;
  }

 private:
  // The way of the last run, or else the fastest.
  Way choose(const Context& ctx, const ConvolutionProduct& p) const {
    auto& choices = ctx.attached<DeviceChoices>();
    const std::string product = to_string(p);
    if (const auto name = choices.find(product)) {
      try {
        return named(ctx, p, *name);
      } catch (const Error&) {  // of another cuDNN after all
        choices.forget(product);
      }
    }
    std::vector<Way> ways = candidates(ctx, p);
    const size_t best = ways.size() == 1 ? 0 : measure(ctx, p, ways);
    choices.remember(product, ways[best].name);
    return std::move(ways[best]);
  }

  Way named(const Context& ctx, const ConvolutionProduct& p, const std::string& name) const {
    if (name == kDirect) return direct_way(p);
    if (name != kTensorCores) return cudnn_way(handle_, p, name);
    std::optional<Way> way = tensor_core_way(ctx, p);
    INPAINT_CHECK(way.has_value(), "{} is not made by {}", to_string(p), name);
    return *way;
  }

  // Never empty. Direct kernels come in for many channels only where cuDNN has no engine. cuDNN's weight
  // gradient in bf16 is rounded to bf16; it does not come in for few channels, where our own kernels give
  // a float.
  std::vector<Way> candidates(const Context& ctx, const ConvolutionProduct& p) const {
    std::vector<Way> ways;
    const bool is_few = p.shape.ci <= kFewChannels;
    if (is_few) {
      if (std::optional<Way> way = tensor_core_way(ctx, p)) ways.push_back(std::move(*way));
      ways.push_back(direct_way(p));
    }
    if (is_few && p.kind == Kind::kBackwardWeight && p.dtype == DType::kBF16) return ways;
    const size_t own = ways.size();
    std::optional<CudnnError> failure;
    const int64_t most_bytes = most_library_workspace_bytes(ctx);
    for (const std::string& engine : CudnnConvolution::engines(handle_, p)) {
      if (ways.size() == own + kMostEngines) break;
      try {
        Way way = cudnn_way(handle_, p, engine);
        if (way.workspace_bytes <= most_bytes) ways.push_back(std::move(way));
      } catch (const CudnnError& error) {
        if (!error.is_not_supported()) failure = error;
      }
    }
    if (ways.empty() && failure) throw *failure;
    if (ways.empty()) ways.push_back(direct_way(p));
    return ways;
  }

  size_t measure(const Context& ctx, const ConvolutionProduct& p, const std::vector<Way>& ways) const {
    const DType w_type = p.kind == Kind::kBackwardWeight ? parameter_dtype(p.dtype) : p.dtype;
    const auto memory = [&](const Shape& shape, DType dtype) {
      return typical_memory(ctx, shape.elements() * size_of(dtype));
    };
    const Buffer x = memory(p.shape.x(), p.dtype), w = memory(p.shape.weight(), w_type),
                 y = memory(p.shape.y(), p.dtype);
    int64_t workspace_bytes = 0;
    for (const Way& way : ways) workspace_bytes = std::max(workspace_bytes, way.workspace_bytes);
    const Buffer workspace(workspace_bytes, Device::kCuda);
    const Operands operands{x.tensor(p.shape.x(), p.dtype), w.tensor(p.shape.weight(), w_type),
                            y.tensor(p.shape.y(), p.dtype)};
    return static_cast<size_t>(fastest(ctx, static_cast<int>(ways.size()), [&](int i) {
      ways[static_cast<size_t>(i)].run(ctx, operands, workspace.data());
    }));
  }

  CudnnHandle handle_;
  std::map<Key, Way> plans_;
};

void run(const Context& ctx, Kind kind, const Conv2dShape& shape, DType dtype, const Operands& o) {
  const ConvolutionProduct p = product_of(ctx, kind, shape, dtype);
  const auto run_way = [&](const Way& way) { way.run(ctx, o, ctx.workspace(way.workspace_bytes)); };
  const Way& way = ctx.attached<ConvolutionPlans>().planned(p);
  if (!way.needs_alignment || (is_aligned(o.x) && is_aligned(o.w) && is_aligned(o.y))) return run_way(way);
  if (shape.ci <= kFewChannels) return run_way(direct_way(p));
  throw Error(fmt::format("conv2d {} does not begin at a multiple of {} bytes",
                          !is_aligned(o.x)   ? "x"
                          : !is_aligned(o.w) ? "w"
                                             : "y",
                          CudnnConvolution::kAlignment));
}

}  // namespace

int64_t conv2d_workspace_bytes(const Context& ctx, const Conv2dShape& shape, DType dtype) {
  auto& plans = ctx.attached<ConvolutionPlans>();
  int64_t bytes = 0;
  for (const Kind kind : {Kind::kForward, Kind::kBackwardData, Kind::kBackwardWeight}) {
    const ConvolutionProduct p = product_of(ctx, kind, shape, dtype);
    bytes = std::max(bytes, plans.make(ctx, p).workspace_bytes);
    // Tensors that the chosen way does not take.
    if (shape.ci <= kFewChannels) bytes = std::max(bytes, direct_way(p).workspace_bytes);
  }
  return bytes;
}

void conv2d_forward(const Context& ctx, const Conv2dWindow& window, const Tensor& x, const Tensor& w,
                    const Tensor& y) {
  run(ctx, Kind::kForward, shape_of(window, x, w), x.dtype, {x, w, y});
}

void conv2d_backward_data(const Context& ctx, const Conv2dWindow& window, const Tensor& dy, const Tensor& w,
                          const Tensor& dx) {
  run(ctx, Kind::kBackwardData, shape_of(window, dx, w), dx.dtype, {dx, w, dy});
}

void conv2d_backward_weight(const Context& ctx, const Conv2dWindow& window, const Tensor& x, const Tensor& dy,
                            const Tensor& dw, GradMode mode) {
  run(ctx, Kind::kBackwardWeight, shape_of(window, x, dw), x.dtype, {x, dw, dy, mode});
}

}  // namespace inpaint::cuda
