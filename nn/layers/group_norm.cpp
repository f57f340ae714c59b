#include "nn/layers/group_norm.h"

namespace inpaint {

GroupNorm::GroupNorm(ParameterSpec& spec, const std::string& name, int64_t channels, int64_t groups,
                     Activation activation)
    : Layer(name),
      channels_(channels),
      norm_{groups, kEpsilon, activation},
      gamma_(spec.other(name + ".weight", {channels}, InitialValues::kOne)),
      beta_(spec.other(name + ".bias", {channels}, InitialValues::kZero)) {
  INPAINT_CHECK(groups >= 1 && channels % groups == 0, "{}: {} groups of {} channels", this->name(), groups,
                channels);
}

Shape GroupNorm::out_shape(const Shape& x) const {
  if (x.rank() < 2 || x.back() != channels_)
    throw ShapeError(fmt::format("{}: expected [N, ..., {}], got {}", name(), channels_, to_string(x)));
  return x;
}

std::vector<Shape> GroupNorm::saved_shapes(const Shape& x) const {
  return {{x[0], norm_.groups}, {x[0], norm_.groups}};
}

int64_t GroupNorm::workspace_bytes(const Context& ctx, const Shape& x, DType) const {
  return group_norm_workspace_bytes(ctx, x, norm_.groups);
}

void GroupNorm::forward(const Context& ctx, const Parameters& params, const LayerForward& pass) const {
  group_norm_forward(ctx, norm_,
                     {.x = pass.x,
                      .gamma = params.value(gamma_),
                      .beta = params.value(beta_),
                      .addend = pass.addend,
                      .mean = pass.saved[0],
                      .rstd = pass.saved[1],
                      .y = pass.y});
}

void GroupNorm::backward(const Context& ctx, const Parameters& params, const LayerBackward& pass) const {
  INPAINT_CHECK(pass.dx.data != nullptr, "{}: a group norm is never the first layer", name());
  const bool skipped = pass.grads.skipped();
  group_norm_backward(ctx, norm_,
                      {.x = pass.x,
                       .y = pass.y,
                       .mean = pass.saved[0],
                       .rstd = pass.saved[1],
                       .gamma = params.value(gamma_),
                       .dy = pass.dy,
                       .dx = pass.dx,
                       .dgamma = skipped ? Tensor{} : params.grad(gamma_),
                       .dbeta = skipped ? Tensor{} : params.grad(beta_),
                       .daddend = pass.daddend,
                       .parameter_mode = pass.grads.grad_mode(),
                       .addend_mode = pass.daddend_mode});
}

}  // namespace inpaint
