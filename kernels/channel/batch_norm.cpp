#include "kernels/channel/batch_norm.h"

#include <string>

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(batch_norm_workspace_bytes)
INPAINT_DECLARE_DEVICES(batch_norm_statistics)
INPAINT_DECLARE_DEVICES(batch_norm_forward)
INPAINT_DECLARE_DEVICES(batch_norm_inference)
INPAINT_DECLARE_DEVICES(batch_norm_update_running)
INPAINT_DECLARE_DEVICES(batch_norm_backward)
INPAINT_DECLARE_DEVICES(batch_norm_gradient_sums)
INPAINT_DECLARE_DEVICES(batch_norm_data_gradient)

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

void expect_backward(const std::string& op, const Tensor& x, const Tensor& mean, const Tensor& variance,
                     const Tensor& gamma, const Tensor& beta, Activation act, const Tensor& dy) {
  expect_rows(op.c_str(), x.shape);
  expect_channels((op + " mean").c_str(), mean, x);
  expect_channels((op + " variance").c_str(), variance, x);
  expect_channels((op + " gamma").c_str(), gamma, x);
  expect_channels((op + " beta").c_str(), beta, x);
  expect_shape((op + " dy").c_str(), dy, x.shape, x.dtype);
  expect_kinked(op.c_str(), act);
}

void expect_gradients(const std::string& op, const Tensor& x, const BatchNormGrads& grads) {
  if (grads.dgamma != nullptr) expect_channels((op + " dgamma").c_str(), *grads.dgamma, x);
  if (grads.dbeta != nullptr) expect_channels((op + " dbeta").c_str(), *grads.dbeta, x);
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
  expect_backward("batch_norm_backward", x, mean, variance, gamma, beta, act, dy);
  expect_shape("batch_norm_backward dx", dx, x.shape, x.dtype);
  expect_gradients("batch_norm_backward", x, grads);
  INPAINT_DISPATCH(ctx, batch_norm_backward, x, mean, variance, gamma, beta, epsilon, act, dy, dx, grads);
}

void batch_norm_gradient_sums(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                              const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                              const Tensor& dy, const Tensor& sums, const BatchNormGrads& grads) {
  expect_backward("batch_norm_gradient_sums", x, mean, variance, gamma, beta, act, dy);
  expect_shape("batch_norm_gradient_sums sums", sums, {2, x.shape.back()}, DType::kF64);
  expect_gradients("batch_norm_gradient_sums", x, grads);
  INPAINT_DISPATCH(ctx, batch_norm_gradient_sums, x, mean, variance, gamma, beta, epsilon, act, dy, sums,
                   grads);
}

void batch_norm_data_gradient(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                              const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                              const Tensor& dy, const Tensor& sums, int64_t rows, const Tensor& dx) {
  expect_backward("batch_norm_data_gradient", x, mean, variance, gamma, beta, act, dy);
  expect_shape("batch_norm_data_gradient sums", sums, {2, x.shape.back()}, DType::kF64);
  expect_shape("batch_norm_data_gradient dx", dx, x.shape, x.dtype);
  INPAINT_CHECK(rows >= x.shape.rows(), "batch_norm_data_gradient: {} rows of {}", rows, x.shape.rows());
  INPAINT_DISPATCH(ctx, batch_norm_data_gradient, x, mean, variance, gamma, beta, epsilon, act, dy, sums,
                   rows, dx);
}

}  // namespace inpaint
