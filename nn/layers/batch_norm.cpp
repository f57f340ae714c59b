#include "nn/layers/batch_norm.h"

#include "kernels/channel/batch_norm.h"

namespace inpaint {

BatchNorm::BatchNorm(ParameterSpec& spec, std::string name, int64_t channels, Activation activation,
                     Bias bias)
    : Layer(name),
      channels_(channels),
      activation_(activation),
      bias_(bias == Bias::kPerChannel
                ? std::optional(spec.other(name + ".bias", {channels}, InitialValues::kZero))
                : std::nullopt),
      gamma_(spec.other(name + ".bn.weight", {channels}, InitialValues::kOne)),
      beta_(spec.other(name + ".bn.bias", {channels}, InitialValues::kZero)),
      running_mean_(spec.running(name + ".bn.running_mean", {channels}, InitialValues::kZero)),
      running_variance_(spec.running(name + ".bn.running_var", {channels}, InitialValues::kOne)) {}

Shape BatchNorm::out_shape(const Shape& x) const {
  if (x.rank() < 2 || x.back() != channels_)
    throw ShapeError(fmt::format("{}: expected [..., {}], got {}", name(), channels_, to_string(x)));
  return x;
}

std::vector<Shape> BatchNorm::saved_shapes(const Shape&) const { return {{channels_}, {channels_}}; }

int64_t BatchNorm::workspace_bytes(const Context& ctx, const Shape& x, DType) const {
  return batch_norm_workspace_bytes(ctx, x);
}

void BatchNorm::forward(const Context& ctx, const Parameters& params, const Tensor& x, const Tensor& y,
                        std::span<const Tensor> saved, Statistics statistics) const {
  const Tensor gamma = params.value(gamma_), beta = params.value(beta_);
  if (statistics == Statistics::kRunning) {
    const Tensor bias = bias_ ? params.value(*bias_) : Tensor{};
    batch_norm_inference(ctx, x, bias_ ? &bias : nullptr, params.value(running_mean_),
                         params.value(running_variance_), gamma, beta, kEpsilon, activation_, y);
    return;
  }
  batch_norm_statistics(ctx, x, saved[0], saved[1]);
  batch_norm_forward(ctx, x, saved[0], saved[1], gamma, beta, kEpsilon, activation_, y);
}

void BatchNorm::backward(const Context& ctx, const Parameters& params, const Tensor& x, const Tensor&,
                         const Tensor& dy, const Tensor* dx, ParameterGrads grads,
                         std::span<const Tensor> saved) const {
  INPAINT_CHECK(dx != nullptr, "{}: a batch norm is never the first layer", name());
  BatchNormGrads param_grads;
  Tensor dgamma, dbeta;
  if (!grads.skipped()) {
    dgamma = params.grad(gamma_);
    dbeta = params.grad(beta_);
    // A bias's gradient is exactly 0, and its place in the array was zeroed when it was allocated.
    param_grads = {&dgamma, &dbeta, grads.grad_mode()};
  }
  batch_norm_backward(ctx, x, saved[0], saved[1], params.value(gamma_), params.value(beta_), kEpsilon,
                      activation_, dy, *dx, param_grads);
}

void BatchNorm::add_running_update(const Parameters& params, std::span<const Tensor> saved,
                                   std::vector<RunningUpdate>& list) const {
  list.push_back({saved[0], saved[1], bias_ ? params.value(*bias_) : Tensor{}, kDecay,
                  params.value(running_mean_), params.value(running_variance_)});
}

}  // namespace inpaint
