#include "nn/bias_activation.h"

#include "kernels/bias_activation.h"

namespace inpaint {

BiasActivation::BiasActivation(ParameterSpec& spec, std::string name, int64_t channels, Activation activation)
    : Layer(name),
      channels_(channels),
      activation_(activation),
      bias_(spec.other(name + ".bias", {channels}, InitialValues::kZero)) {}

Shape BiasActivation::out_shape(const Shape& x) const {
  if (x.rank() < 2 || x.back() != channels_)
    throw ShapeError(fmt::format("{}: expected [..., {}], got {}", name(), channels_, to_string(x)));
  return x;
}

int64_t BiasActivation::workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const {
  return bias_activation_workspace_bytes(ctx, x, dtype);
}

void BiasActivation::forward(const Context& ctx, const Parameters& params, const Tensor& x, const Tensor& y,
                             std::span<const Tensor>, Statistics) const {
  bias_activation_forward(ctx, x, params.value(bias_), activation_, y);
}

void BiasActivation::backward(const Context& ctx, const Parameters& params, const Tensor&, const Tensor& y,
                              const Tensor& dy, const Tensor* dx, ParameterGrads grads,
                              std::span<const Tensor>) const {
  INPAINT_CHECK(dx != nullptr, "{}: a bias is never the first layer", name());
  const Tensor dbias = grads == ParameterGrads::kSkip ? Tensor{} : params.grad(bias_);
  bias_activation_backward(ctx, y, dy, activation_, *dx, grads == ParameterGrads::kSkip ? nullptr : &dbias,
                           to_grad_mode(grads));
}

}  // namespace inpaint
