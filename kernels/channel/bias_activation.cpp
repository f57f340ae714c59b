#include "kernels/channel/bias_activation.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(bias_activation_forward)
INPAINT_DECLARE_DEVICES(bias_activation_workspace_bytes)
INPAINT_DECLARE_DEVICES(bias_activation_backward)

namespace {

void expect_rows(const char* what, const Tensor& x) {
  if (x.shape.rank() < 1 || x.elements() == 0)
    throw ShapeError(
        fmt::format("{}: expected [..., C] with at least one row, got {}", what, to_string(x.shape)));
}

}  // namespace

void bias_activation_forward(const Context& ctx, const Tensor& x, const Tensor& bias, const Tensor* addend,
                             Activation act, const Tensor& y) {
  expect_rows("bias_activation_forward x", x);
  expect_shape("bias_activation_forward bias", bias, {x.shape.back()}, parameter_dtype(x.dtype));
  if (addend != nullptr) expect_shape("bias_activation_forward addend", *addend, x.shape, x.dtype);
  expect_shape("bias_activation_forward y", y, x.shape, x.dtype);
  INPAINT_DISPATCH(ctx, bias_activation_forward, x, bias, addend, act, y);
}

int64_t bias_activation_workspace_bytes(const Context& ctx, const Shape& x, DType dtype) {
  return INPAINT_DISPATCH(ctx, bias_activation_workspace_bytes, x, dtype);
}

void bias_activation_backward(const Context& ctx, const Tensor& y, const Tensor& dy, Activation act,
                              const Tensor& dx, const Tensor* dbias, GradMode mode) {
  expect_rows("bias_activation_backward y", y);
  expect_shape("bias_activation_backward dy", dy, y.shape, y.dtype);
  expect_shape("bias_activation_backward dx", dx, y.shape, y.dtype);
  if (dbias != nullptr)
    expect_shape("bias_activation_backward dbias", *dbias, {y.shape.back()}, parameter_dtype(y.dtype));
  INPAINT_DISPATCH(ctx, bias_activation_backward, y, dy, act, dx, dbias, mode);
}

}  // namespace inpaint
