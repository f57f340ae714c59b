// linear on CUDA; contract in linear.h. cuBLASLt makes the products, each with the algorithm that was the
// fastest when it was first planned here; our own kernels make those of few outputs, and those that cuBLASLt
// has no algorithm for. Plans are made by linear_workspace_bytes, outside of any step.
#include <algorithm>
#include <compare>
#include <map>
#include <optional>

#include "kernels/cuda/device_choices_cuda.h"
#include "kernels/cuda/fastest_cuda.h"
#include "kernels/linear/cublaslt_product.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/linear_direct_cuda.h"

namespace inpaint::cuda {
namespace {

using Kind = LinearProduct::Kind;
using Plan = std::optional<CublasLtProduct>;  // none: our own kernels

constexpr const char* kNoAlgorithm = "none";

struct Key {
  Kind kind;
  int64_t n, in, out;
  DType dtype;
  auto operator<=>(const Key&) const = default;
};

Key key_of(const LinearProduct& p) { return {p.kind, p.shape.n, p.shape.in, p.shape.out, p.dtype}; }

// The context's cuBLASLt handle and plans.
class LinearPlans {
 public:
  explicit LinearPlans(const Context&) {}

  const CublasLtHandle& handle() const { return handle_; }

  const Plan& make(const Context& ctx, const LinearProduct& product) {
    const Key key = key_of(product);
    if (const auto place = plans_.find(key); place != plans_.end()) return place->second;
    return plans_.emplace(key, choose(ctx, product)).first->second;
  }

  const Plan& planned(const LinearProduct& product) const {
    const auto place = plans_.find(key_of(product));
    INPAINT_CHECK(place != plans_.end(), "{} was not planned with linear_workspace_bytes",
                  to_string(product));
    return place->second;
  }

 private:
  Plan choose(const Context& ctx, const LinearProduct& product) const {
    if (product.shape.out <= kFewOutputs) return std::nullopt;
    auto& choices = ctx.attached<DeviceChoices>();
    const std::string name = to_string(product);
    if (const auto text = choices.find(name)) {
      if (*text == kNoAlgorithm) return std::nullopt;
      try {
        CublasLtProduct plan(product);
        plan.choose(handle_, CublasLtProduct::from_text(*text));
        return plan;
      } catch (const Error&) {  // of another cuBLASLt after all
        choices.forget(name);
      }
    }
    std::vector<std::string> names;
    std::vector<CublasLtProduct> plans;
    for (const auto& algorithm :
         CublasLtProduct(product).algorithms(handle_, most_library_workspace_bytes(ctx))) {
      plans.emplace_back(product).choose(handle_, algorithm);
      names.push_back(CublasLtProduct::to_text(algorithm));
    }
    if (plans.empty()) {
      choices.remember(name, kNoAlgorithm);
      return std::nullopt;
    }
    const size_t best = measure(ctx, product, plans);
    choices.remember(name, names[best]);
    return std::move(plans[best]);
  }

  size_t measure(const Context& ctx, const LinearProduct& p,
                 const std::vector<CublasLtProduct>& plans) const {
    const auto [n, in, out] = p.shape;
    const int64_t most = std::max({n * in, in * out, n * out}) * size_of(parameter_dtype(p.dtype));
    int64_t workspace_bytes = 0;
    for (const CublasLtProduct& plan : plans)
      workspace_bytes = std::max(workspace_bytes, plan.workspace_bytes());
    const Buffer a = typical_memory(ctx, most), b = typical_memory(ctx, most), d = typical_memory(ctx, most),
                 workspace(workspace_bytes, Device::kCuda);
    return static_cast<size_t>(fastest(ctx, static_cast<int>(plans.size()), [&](int i) {
      plans[static_cast<size_t>(i)].run(handle_, ctx.stream(), a.data(), b.data(), d.data(),
                                        GradMode::kOverwrite, workspace.data());
    }));
  }

  CublasLtHandle handle_;
  std::map<Key, Plan> plans_;
};

LinearProduct product_of(const Context& ctx, Kind kind, const Tensor& x, const Tensor& w) {
  return {kind, {x.shape[0], x.shape[1], w.shape[0]}, x.dtype, ctx.fp32_products()};
}

// A product through the library's plan; false when it has none.
bool run_library(const Context& ctx, const LinearProduct& product, const Tensor& a, const Tensor& b,
                 const Tensor& d, GradMode mode) {
  const LinearPlans& plans = ctx.attached<LinearPlans>();
  const Plan& plan = plans.planned(product);
  if (!plan) return false;
  for (const Tensor* const tensor : {&a, &b, &d})
    INPAINT_CHECK(reinterpret_cast<uintptr_t>(tensor->data) % CublasLtProduct::kAlignment == 0,
                  "{}: a tensor of shape {} does not begin at a multiple of {} bytes", to_string(product),
                  to_string(tensor->shape), CublasLtProduct::kAlignment);
  plan->run(plans.handle(), ctx.stream(), a.data, b.data, d.data, mode,
            ctx.workspace(plan->workspace_bytes()));
  return true;
}

}  // namespace

int64_t linear_workspace_bytes(const Context& ctx, const LinearShape& shape, DType dtype) {
  auto& plans = ctx.attached<LinearPlans>();
  int64_t bytes = 0;
  for (const Kind kind : {Kind::kForward, Kind::kBackwardData, Kind::kBackwardWeight})
    if (const Plan& plan = plans.make(ctx, {kind, shape, dtype, ctx.fp32_products()}))
      bytes = std::max(bytes, plan->workspace_bytes());
  return bytes;
}

void linear_forward(const Context& ctx, const Tensor& x, const Tensor& w, const Tensor& y) {
  if (!run_library(ctx, product_of(ctx, Kind::kForward, x, w), w, x, y, GradMode::kOverwrite))
    linear_direct_forward(ctx, x, w, y);
}

void linear_backward_data(const Context& ctx, const Tensor& dy, const Tensor& w, const Tensor& dx) {
  if (!run_library(ctx, product_of(ctx, Kind::kBackwardData, dx, w), w, dy, dx, GradMode::kOverwrite))
    linear_direct_backward_data(ctx, dy, w, dx);
}

void linear_backward_weight(const Context& ctx, const Tensor& x, const Tensor& dy, const Tensor& dw,
                            GradMode mode) {
  if (!run_library(ctx, product_of(ctx, Kind::kBackwardWeight, x, dw), x, dy, dw, mode))
    linear_direct_backward_weight(ctx, x, dy, dw, mode);
}

}  // namespace inpaint::cuda
