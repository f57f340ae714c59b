#include "nn/layers/bias_activation.h"

#include "kernels/channel/bias_activation.h"

namespace inpaint {

BiasActivation::BiasActivation(ParameterSpec& spec, std::string name, int64_t values, Activation activation)
    : Layer(name),
      values_(values),
      activation_(activation),
      bias_(spec.other(name + ".bias", {values}, InitialValues::kZero)) {}

Shape BiasActivation::out_shape(const Shape& x) const {
  int64_t trailing = 1;
  for (int axis = x.rank() - 1; axis > 0 && trailing < values_; --axis) trailing *= x[axis];
  if (trailing != values_)
    throw ShapeError(
        fmt::format("{}: the last axes of {} do not make {} values", name(), to_string(x), values_));
  return x;
}

Tensor BiasActivation::flat(const Tensor& tensor) const {
  return tensor.reshaped({tensor.elements() / values_, values_});
}

int64_t BiasActivation::workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const {
  return bias_activation_workspace_bytes(ctx, {x.elements() / values_, values_}, dtype);
}

void BiasActivation::forward(const Context& ctx, const Parameters& params, const Tensor& x, const Tensor& y,
                             std::span<const Tensor>, Statistics) const {
  bias_activation_forward(ctx, flat(x), params.value(bias_), activation_, flat(y));
}

void BiasActivation::backward(const Context& ctx, const Parameters& params, const Tensor&, const Tensor& y,
                              const Tensor& dy, const Tensor* dx, ParameterGrads grads,
                              std::span<const Tensor>) const {
  INPAINT_CHECK(dx != nullptr, "{}: a bias is never the first layer", name());
  const Tensor dbias = grads.skipped() ? Tensor{} : params.grad(bias_);
  bias_activation_backward(ctx, flat(y), flat(dy), activation_, flat(*dx), grads.skipped() ? nullptr : &dbias,
                           grads.grad_mode());
}

}  // namespace inpaint
