#include "nn/layers/linear.h"

#include "kernels/linear/linear.h"

namespace inpaint {

Linear::Linear(ParameterSpec& spec, const std::string& name, int64_t in_features, const Shape& out_features,
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
  return linear_workspace_bytes(ctx, {x[0], in_features_, out_features_.elements()}, dtype);
}

int64_t Linear::product_flop(const Shape& x) const {
  return 2 * x[0] * in_features_ * out_features_.elements();
}

Tensor Linear::flat(const Tensor& tensor) const {
  const int64_t n = tensor.shape[0];
  return tensor.reshaped({n, tensor.elements() / n});
}

void Linear::forward(const Context& ctx, const Parameters& params, const LayerForward& pass) const {
  linear_forward(ctx, flat(pass.x), params.factor(weight_), flat(pass.y));
}

void Linear::backward(const Context& ctx, const Parameters& params, const LayerBackward& pass) const {
  const Tensor x = flat(pass.x), dy = flat(pass.dy);
  const ParameterGrads& grads = pass.grads;
  if (pass.dx.data != nullptr) linear_backward_data(ctx, dy, params.factor(weight_), flat(pass.dx));
  if (grads.skipped()) return;
  if (params.stores_grad(weight_))
    return linear_backward_weight(ctx, x, dy, params.grad(weight_), grads.grad_mode());
  INPAINT_CHECK(grads.mode == ParameterGrads::kOverwrite && grads.sink != nullptr,
                "{}: a gradient that is not stored needs a sink, and cannot be accumulated", name());
  grads.sink->linear(ctx, weight_, x, dy);
}

}  // namespace inpaint
