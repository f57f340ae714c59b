#include "nn/layers/linear.h"

#include <algorithm>

#include "kernels/linear/linear.h"
#include "kernels/linear/linear_adam.h"

namespace inpaint {

Linear::Linear(ParameterSpec& spec, std::string name, int64_t in_features, const Shape& out_features,
               GradientUse gradient)
    : Layer(name),
      in_features_(in_features),
      out_features_(out_features),
      gradient_(gradient),
      weight_(spec.weight(name + ".weight", {out_features.elements(), in_features}, InitialValues::kNormal,
                          CheckpointLayout::kSame, gradient)) {
  INPAINT_CHECK(out_features.rank() == 1 || out_features.rank() == 3, "{}: out_features {}", this->name(),
                to_string(out_features));
}

Shape Linear::out_shape(const Shape& x) const {
  if (x.rank() < 2 || x.elements() != x[0] * in_features_)
    throw ShapeError(
        fmt::format("{}: expected [N, ...] of {} values each, got {}", name(), in_features_, to_string(x)));
  if (out_features_.rank() == 1) return {x[0], out_features_[0]};
  return {x[0], out_features_[0], out_features_[1], out_features_[2]};
}

int64_t Linear::workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const {
  const LinearShape shape{x[0], in_features_, out_features_.elements()};
  const int64_t products = linear_workspace_bytes(ctx, shape, dtype);
  return gradient_ == GradientUse::kStore
             ? products
             : std::max(products, linear_adam_workspace_bytes(ctx, shape, dtype));
}

int64_t Linear::product_flop(const Shape& x) const {
  return 2 * x[0] * in_features_ * out_features_.elements();
}

Tensor Linear::flat(const Tensor& tensor) const {
  const int64_t n = tensor.shape[0];
  return tensor.reshaped({n, tensor.elements() / n});
}

void Linear::forward(const Context& ctx, const Parameters& params, const Tensor& x, const Tensor& y,
                     std::span<const Tensor>, Statistics) const {
  linear_forward(ctx, flat(x), params.factor(weight_), flat(y));
}

void Linear::backward(const Context& ctx, const Parameters& params, const Tensor& x, const Tensor&,
                      const Tensor& dy, const Tensor* dx, ParameterGrads grads,
                      std::span<const Tensor>) const {
  if (dx != nullptr) linear_backward_data(ctx, flat(dy), params.factor(weight_), flat(*dx));
  if (grads.skipped()) return;
  if (gradient_ == GradientUse::kStore)
    return linear_backward_weight(ctx, flat(x), flat(dy), params.grad(weight_), grads.grad_mode());
  INPAINT_CHECK(grads.mode == ParameterGrads::kOverwrite && grads.update != nullptr,
                "{}: a gradient that is not stored takes an update, and none before it", name());
  const ParameterUpdate& update = *grads.update;
  const Tensor copy = params.factor(weight_), half_squares = update.half_squares_of(params.piece_of(weight_));
  linear_adam(update.context_of_update(ctx), update.options, update.rate, flat(x), flat(dy),
              params.value(weight_), params.moment1(weight_), params.moment2(weight_),
              params.weights_bf16() == nullptr ? nullptr : &copy, &half_squares);
}

}  // namespace inpaint
