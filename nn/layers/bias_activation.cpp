#include "nn/layers/bias_activation.h"

#include "core/device/copy.h"
#include "kernels/channel/add.h"
#include "kernels/channel/bias_activation.h"

namespace inpaint {

BiasActivation::BiasActivation(ParameterSpec& spec, const std::string& name, int64_t values,
                               Activation activation)
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

void BiasActivation::forward(const Context& ctx, const Parameters& params, const LayerForward& pass) const {
  const Tensor addend = pass.addend.data == nullptr ? Tensor{} : flat(pass.addend);
  bias_activation_forward(ctx, flat(pass.x), params.value(bias_), addend.data == nullptr ? nullptr : &addend,
                          activation_, flat(pass.y));
}

void BiasActivation::backward(const Context& ctx, const Parameters& params, const LayerBackward& pass) const {
  INPAINT_CHECK(pass.dx.data != nullptr, "{}: a bias is never the first layer", name());
  const bool skipped = pass.grads.skipped();
  const Tensor dbias = skipped ? Tensor{} : params.grad(bias_);
  bias_activation_backward(ctx, flat(pass.y), flat(pass.dy), activation_, flat(pass.dx),
                           skipped ? nullptr : &dbias, pass.grads.grad_mode());
  if (pass.daddend.data == nullptr) return;
  if (pass.daddend_mode == GradMode::kAccumulate)
    add(ctx, pass.dx, pass.daddend);
  else
    copy_on_device(ctx, pass.dx, pass.daddend);
}

}  // namespace inpaint
