// conv2d on CUDA; contract in conv2d.h. cuDNN makes the products, each with the engine that was the fastest when it
// was first planned here; our own kernels make those of few channels, and those that cuDNN has no engine for. Plans are made
// by conv2d_workspace_bytes, outside of any step; a step looks them up and enqueues.
#include <compare>
#include <map>
#include <optional>

#include "kernels/accumulate_cuda.h"
#include "kernels/conv2d.h"
#include "kernels/conv2d_direct_cuda.h"
#include "kernels/cudnn_convolution.h"
#include "kernels/device_choices_cuda.h"
#include "kernels/fastest_cuda.h"

namespace inpaint::cuda {
namespace {

using Kind = ConvolutionProduct::Kind;

constexpr const char* kNoEngine = "none";
constexpr size_t kMostEngines = 16;      // tried
constexpr int64_t kPartAlignment = 256;  // of the parts of a workspace

int64_t aligned_up(int64_t bytes) { return (bytes + kPartAlignment - 1) / kPartAlignment * kPartAlignment; }

Conv2dShape shape_of(const Tensor& x, const Tensor& w) {
  return {x.shape[0], x.shape[1], x.shape[2], x.shape[3], w.shape[0]};
}

using Plan = std::optional<CudnnConvolution>;  // none: our own kernels

struct Key {
  Kind kind;
  int64_t n, h, w, ci, co;
  DType dtype;
  auto operator<=>(const Key&) const = default;
};

Key key_of(Kind kind, const Conv2dShape& s, DType dtype) { return {kind, s.n, s.h, s.w, s.ci, s.co, dtype}; }

// The context's cuDNN handle and plans.
class ConvolutionPlans {
 public:
  explicit ConvolutionPlans(const Context& ctx) : handle_(ctx.stream()) {}

  const CudnnHandle& handle() const { return handle_; }

  const Plan& make(const Context& ctx, Kind kind, const Conv2dShape& shape, DType dtype) {
    const Key key = key_of(kind, shape, dtype);
    if (const auto place = plans_.find(key); place != plans_.end()) return place->second;
    return plans_.emplace(key, choose(ctx, kind, shape, dtype)).first->second;
  }

  const Plan& planned(Kind kind, const Conv2dShape& shape, DType dtype) const {
    const auto place = plans_.find(key_of(kind, shape, dtype));
    INPAINT_CHECK(place != plans_.end(), "{} was not planned with conv2d_workspace_bytes",
                  to_string(ConvolutionProduct{kind, shape, dtype, Fp32Products::kExact}));
    return place->second;
  }

 private:
  Plan choose(const Context& ctx, Kind kind, const Conv2dShape& shape, DType dtype) const {
    if (shape.ci <= kFewChannels) return std::nullopt;
    return fastest_engine(ctx, {kind, shape, dtype, ctx.fp32_products()});
  }

  Plan fastest_engine(const Context& ctx, const ConvolutionProduct& product) const {
    auto& choices = ctx.attached<DeviceChoices>();
    const std::string name = to_string(product);
    if (const auto engine = choices.find(name)) {
      if (*engine == kNoEngine) return std::nullopt;
      try {
        return CudnnConvolution(handle_, product, *engine);
      } catch (const Error&) {  // of another cuDNN after all
        choices.forget(name);
      }
    }
    std::vector<std::string> names;
    std::vector<CudnnConvolution> plans;
    std::optional<CudnnError> failure;
    const int64_t most_bytes = most_library_workspace_bytes(ctx);
    for (const std::string& engine : CudnnConvolution::engines(handle_, product)) {
      if (plans.size() == kMostEngines) break;
      try {
        CudnnConvolution plan(handle_, product, engine);
        if (plan.workspace_bytes() > most_bytes) continue;
        plans.push_back(std::move(plan));
        names.push_back(engine);
      } catch (const CudnnError& error) {
        if (!error.is_not_supported()) failure = error;
      }
    }
    if (plans.empty() && failure) throw *failure;
    if (plans.empty()) {
      choices.remember(name, kNoEngine);
      return std::nullopt;
    }
    const size_t best = measure(ctx, product, plans);
    choices.remember(name, names[best]);
    return std::move(plans[best]);
  }

  size_t measure(const Context& ctx, const ConvolutionProduct& p,
                 const std::vector<CudnnConvolution>& plans) const {
    const auto bytes = [&](const Shape& shape) { return shape.elements() * size_of(p.dtype); };
    int64_t workspace_bytes = 0;
    for (const CudnnConvolution& plan : plans)
      workspace_bytes = std::max(workspace_bytes, plan.workspace_bytes());
    const Buffer x = typical_memory(ctx, bytes(p.shape.x())),
                 w = typical_memory(ctx, bytes(p.shape.weight())),
                 y = typical_memory(ctx, bytes(p.shape.y())), workspace(workspace_bytes, Device::kCuda);
    return static_cast<size_t>(fastest(ctx, static_cast<int>(plans.size()), [&](int i) {
      plans[static_cast<size_t>(i)].run(handle_, x.data(), w.data(), y.data(), workspace.data());
    }));
  }

  CudnnHandle handle_;
  std::map<Key, Plan> plans_;
};

void expect_aligned(const char* what, const Tensor& tensor) {
  INPAINT_CHECK(reinterpret_cast<uintptr_t>(tensor.data) % CudnnConvolution::kAlignment == 0,
                "conv2d {} does not begin at a multiple of {} bytes", what, CudnnConvolution::kAlignment);
}

// Where the library's weight gradient goes when it is not the gradient itself, in front of its own workspace. cuDNN
// writes the type it reads, so that a bf16 gradient has to be widened.
int64_t part_bytes(const Conv2dShape& s, DType dtype) {
  return aligned_up(s.weight().elements() * size_of(dtype));
}

// A product through the library's plan; false when it has none.
bool run_library(const Context& ctx, Kind kind, const Conv2dShape& s, const Tensor& x, const Tensor& w,
                 const Tensor& y, DType dtype) {
  const ConvolutionPlans& plans = ctx.attached<ConvolutionPlans>();
  const Plan& plan = plans.planned(kind, s, dtype);
  if (!plan) return false;
  expect_aligned("x", x);
  expect_aligned("w", w);
  expect_aligned("y", y);
  plan->run(plans.handle(), x.data, w.data, y.data, ctx.workspace(plan->workspace_bytes()));
  return true;
}

}  // namespace

int64_t conv2d_workspace_bytes(const Context& ctx, const Conv2dShape& shape, DType dtype) {
  auto& plans = ctx.attached<ConvolutionPlans>();
  int64_t bytes = 0;
  for (const Kind kind : {Kind::kForward, Kind::kBackwardData, Kind::kBackwardWeight}) {
    const Plan& plan = plans.make(ctx, kind, shape, dtype);
    const bool is_weight = kind == Kind::kBackwardWeight;
    if (plan)
      bytes = std::max(bytes, plan->workspace_bytes() + (is_weight ? part_bytes(shape, dtype) : 0));
    else if (is_weight)
      bytes = std::max(bytes, conv2d_direct_backward_weight_workspace_bytes(shape, dtype));
  }
  return bytes;
}

void conv2d_forward(const Context& ctx, const Tensor& x, const Tensor& w, const Tensor& y) {
  const Conv2dShape s = shape_of(x, w);
  if (!run_library(ctx, Kind::kForward, s, x, w, y, x.dtype)) conv2d_direct_forward(ctx, s, x, w, y);
}

void conv2d_backward_data(const Context& ctx, const Tensor& dy, const Tensor& w, const Tensor& dx) {
  const Conv2dShape s = shape_of(dx, w);
  if (!run_library(ctx, Kind::kBackwardData, s, dx, w, dy, dx.dtype))
    conv2d_direct_backward_data(ctx, s, dy, w, dx);
}

void conv2d_backward_weight(const Context& ctx, const Tensor& x, const Tensor& dy, const Tensor& dw,
                            GradMode mode) {
  const Conv2dShape s = shape_of(x, dw);
  const ConvolutionPlans& plans = ctx.attached<ConvolutionPlans>();
  const Plan& plan = plans.planned(Kind::kBackwardWeight, s, x.dtype);
  if (!plan) return conv2d_direct_backward_weight(ctx, s, x, dy, dw, mode);
  expect_aligned("x", x);
  expect_aligned("dy", dy);
  expect_aligned("dw", dw);
  const int64_t front = part_bytes(s, x.dtype);
  auto* const workspace = static_cast<std::byte*>(ctx.workspace(front + plan->workspace_bytes()));
  const bool is_direct = x.dtype == dw.dtype && mode == GradMode::kOverwrite;
  const Tensor result = is_direct ? dw : Tensor{dw.shape, x.dtype, dw.device, workspace};
  plan->run(plans.handle(), x.data, result.data, dy.data, workspace + front);
  if (!is_direct) accumulate(ctx, result, dw, mode);
}

}  // namespace inpaint::cuda
