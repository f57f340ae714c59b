#include "kernels/linear/linear.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(linear_workspace_bytes)
INPAINT_DECLARE_DEVICES(linear_forward)
INPAINT_DECLARE_DEVICES(linear_backward_data)
INPAINT_DECLARE_DEVICES(linear_backward_weight)

namespace {

void expect_shapes(const Tensor& x, const Tensor& w, DType w_dtype, const Tensor& y) {
  if (x.shape.rank() != 2 || w.shape.rank() != 2)
    throw ShapeError(
        fmt::format("linear: x {} and w {} must have rank 2", to_string(x.shape), to_string(w.shape)));
  expect_shape("linear w", w, {w.shape[0], x.shape[1]}, w_dtype);
  expect_shape("linear y", y, {x.shape[0], w.shape[0]}, x.dtype);
}

}  // namespace

int64_t linear_workspace_bytes(const Context& ctx, const LinearShape& shape, DType dtype) {
  return INPAINT_DISPATCH(ctx, linear_workspace_bytes, shape, dtype);
}

void linear_forward(const Context& ctx, const Tensor& x, const Tensor& w, const Tensor& y) {
  expect_shapes(x, w, x.dtype, y);
  INPAINT_DISPATCH(ctx, linear_forward, x, w, y);
}

void linear_backward_data(const Context& ctx, const Tensor& dy, const Tensor& w, const Tensor& dx) {
  expect_shapes(dx, w, dx.dtype, dy);
  INPAINT_DISPATCH(ctx, linear_backward_data, dy, w, dx);
}

void linear_backward_weight(const Context& ctx, const Tensor& x, const Tensor& dy, const Tensor& dw,
                            GradMode mode) {
  expect_shapes(x, dw, parameter_dtype(x.dtype), dy);
  INPAINT_DISPATCH(ctx, linear_backward_weight, x, dy, dw, mode);
}

}  // namespace inpaint
