#include "kernels/channel/batch_norm.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(batch_norm_workspace_bytes)
INPAINT_DECLARE_DEVICES(batch_norm_statistics)
INPAINT_DECLARE_DEVICES(batch_norm_forward)
INPAINT_DECLARE_DEVICES(batch_norm_inference)
INPAINT_DECLARE_DEVICES(batch_norm_update_running)
INPAINT_DECLARE_DEVICES(batch_norm_backward)

namespace {

void expect_rows(const char* op, const Shape& x) {
  if (x.rank() < 1 || x.elements() == 0)
    throw ShapeError(fmt::format("{} x: expected [..., C] with at least one row, got {}", op, to_string(x)));
}

void expect_channels(const char* what, const Tensor& values, const Tensor& x) {
  expect_shape(what, values, {x.shape.back()}, parameter_dtype(x.dtype));
}

void expect_kinked(const char* op, Activation act) {
  INPAINT_CHECK(act != Activation::kTanh, "{}: tanh is not offered behind a batch norm", op);
}

}  // namespace

int64_t batch_norm_workspace_bytes(const Context& ctx, const Shape& x) {
  return INPAINT_DISPATCH(ctx, batch_norm_workspace_bytes, x);
}

void batch_norm_statistics(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance) {
  expect_rows("batch_norm_statistics", x.shape);
  expect_channels("batch_norm_statistics mean", mean, x);
  expect_channels("batch_norm_statistics variance", variance, x);
  INPAINT_DISPATCH(ctx, batch_norm_statistics, x, mean, variance);
}

void batch_norm_forward(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                        const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                        const Tensor& y) {
  expect_rows("batch_norm_forward", x.shape);
  expect_channels("batch_norm_forward mean", mean, x);
  expect_channels("batch_norm_forward variance", variance, x);
  expect_channels("batch_norm_forward gamma", gamma, x);
  expect_channels("batch_norm_forward beta", beta, x);
  expect_shape("batch_norm_forward y", y, x.shape, x.dtype);
  expect_kinked("batch_norm_forward", act);
  INPAINT_DISPATCH(ctx, batch_norm_forward, x, mean, variance, gamma, beta, epsilon, act, y);
}

void batch_norm_inference(const Context& ctx, const Tensor& x, const Tensor* bias, const Tensor& running_mean,
                          const Tensor& running_variance, const Tensor& gamma, const Tensor& beta,
                          double epsilon, Activation act, const Tensor& y) {
  expect_rows("batch_norm_inference", x.shape);
  if (bias != nullptr) expect_channels("batch_norm_inference bias", *bias, x);
  expect_channels("batch_norm_inference running_mean", running_mean, x);
  expect_channels("batch_norm_inference running_variance", running_variance, x);
  expect_channels("batch_norm_inference gamma", gamma, x);
  expect_channels("batch_norm_inference beta", beta, x);
  expect_shape("batch_norm_inference y", y, x.shape, x.dtype);
  expect_kinked("batch_norm_inference", act);
  INPAINT_DISPATCH(ctx, batch_norm_inference, x, bias, running_mean, running_variance, gamma, beta, epsilon,
                   act, y);
}

void batch_norm_update_running(const Context& ctx, std::span<const RunningUpdate> updates) {
  if (updates.empty()) return;
  for (const RunningUpdate& u : updates) {
    const Shape& channels = u.mean.shape;
    const DType dtype = updates.front().mean.dtype;
    expect_shape("batch_norm_update_running mean", u.mean, channels, dtype);
    expect_shape("batch_norm_update_running variance", u.variance, channels, dtype);
    if (u.bias.data != nullptr) expect_shape("batch_norm_update_running bias", u.bias, channels, dtype);
    expect_shape("batch_norm_update_running running_mean", u.running_mean, channels, dtype);
    expect_shape("batch_norm_update_running running_variance", u.running_variance, channels, dtype);
  }
  INPAINT_DISPATCH(ctx, batch_norm_update_running, updates);
}

void batch_norm_backward(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                         const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                         const Tensor& dy, const Tensor& dx, const BatchNormGrads& grads) {
  expect_rows("batch_norm_backward", x.shape);
  expect_channels("batch_norm_backward mean", mean, x);
  expect_channels("batch_norm_backward variance", variance, x);
  expect_channels("batch_norm_backward gamma", gamma, x);
  expect_channels("batch_norm_backward beta", beta, x);
  expect_shape("batch_norm_backward dy", dy, x.shape, x.dtype);
  expect_shape("batch_norm_backward dx", dx, x.shape, x.dtype);
  if (grads.dgamma != nullptr) expect_channels("batch_norm_backward dgamma", *grads.dgamma, x);
  if (grads.dbeta != nullptr) expect_channels("batch_norm_backward dbeta", *grads.dbeta, x);
  expect_kinked("batch_norm_backward", act);
  INPAINT_DISPATCH(ctx, batch_norm_backward, x, mean, variance, gamma, beta, epsilon, act, dy, dx, grads);
}

}  // namespace inpaint
