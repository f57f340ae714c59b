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

void BatchNorm::forward(const Context& ctx, const Parameters& params, const LayerForward& pass) const {
  const Tensor gamma = params.value(gamma_), beta = params.value(beta_);
  if (pass.statistics == Statistics::kRunning) {
    const Tensor bias = bias_ ? params.value(*bias_) : Tensor{};
    batch_norm_inference(ctx, pass.x, bias_ ? &bias : nullptr, params.value(running_mean_),
                         params.value(running_variance_), gamma, beta, kEpsilon, activation_, pass.y);
    return;
  }
  const Tensor &mean = pass.saved[0], &variance = pass.saved[1];
  batch_norm_statistics(ctx, pass.x, mean, variance);
  batch_norm_forward(ctx, pass.x, mean, variance, gamma, beta, kEpsilon, activation_, pass.y);
}

void BatchNorm::backward(const Context& ctx, const Parameters& params, const LayerBackward& pass) const {
  INPAINT_CHECK(pass.dx.data != nullptr, "{}: a batch norm is never the first layer", name());
  BatchNormGrads param_grads;
  Tensor dgamma, dbeta;
  if (!pass.grads.skipped()) {
    dgamma = params.grad(gamma_);
    dbeta = params.grad(beta_);
    // A bias's gradient is exactly 0, and its place in the array was zeroed when it was allocated.
    param_grads = {&dgamma, &dbeta, pass.grads.grad_mode()};
  }
  batch_norm_backward(ctx, pass.x, pass.saved[0], pass.saved[1], params.value(gamma_), params.value(beta_),
                      kEpsilon, activation_, pass.dy, pass.dx, param_grads);
}

void BatchNorm::add_running_update(const Parameters& params, std::span<const Tensor> saved,
                                   std::vector<RunningUpdate>& list) const {
  list.push_back({saved[0], saved[1], bias_ ? params.value(*bias_) : Tensor{}, kDecay,
                  params.value(running_mean_), params.value(running_variance_)});
}

}  // namespace inpaint
