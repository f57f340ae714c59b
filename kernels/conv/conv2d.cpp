#include "kernels/conv/conv2d.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(conv2d_workspace_bytes)
INPAINT_DECLARE_DEVICES(conv2d_forward)
INPAINT_DECLARE_DEVICES(conv2d_backward_data)
INPAINT_DECLARE_DEVICES(conv2d_backward_weight)

namespace {

void expect_shapes(const Conv2dWindow& window, const Tensor& x, const Tensor& w, DType w_dtype,
                   const Tensor& y) {
  if (x.shape.rank() != 4 || w.shape.rank() != 4)
    throw ShapeError(
        fmt::format("conv2d: x {} and w {} must have rank 4", to_string(x.shape), to_string(w.shape)));
  const Conv2dShape s{x.shape[0], x.shape[1], x.shape[2], x.shape[3], w.shape[0], window};
  if (!window.covers(s.h) || !window.covers(s.w))
    throw ShapeError(fmt::format(
        "conv2d: {} x {} windows of stride {}, padding {} and dilation {} do not cover height and width of "
        "{} evenly",
        window.kernel, window.kernel, window.stride, window.pad, window.dilation, to_string(x.shape)));
  expect_shape("conv2d w", w, s.weight(), w_dtype);
  expect_shape("conv2d y", y, s.y(), x.dtype);
}

}  // namespace

int64_t conv2d_workspace_bytes(const Context& ctx, const Conv2dShape& shape, DType dtype) {
  return INPAINT_DISPATCH(ctx, conv2d_workspace_bytes, shape, dtype);
}

void conv2d_forward(const Context& ctx, const Conv2dWindow& window, const Tensor& x, const Tensor& w,
                    const Tensor& y) {
  expect_shapes(window, x, w, x.dtype, y);
  INPAINT_DISPATCH(ctx, conv2d_forward, window, x, w, y);
}

void conv2d_backward_data(const Context& ctx, const Conv2dWindow& window, const Tensor& dy, const Tensor& w,
                          const Tensor& dx) {
  expect_shapes(window, dx, w, dx.dtype, dy);
  INPAINT_DISPATCH(ctx, conv2d_backward_data, window, dy, w, dx);
}

void conv2d_backward_weight(const Context& ctx, const Conv2dWindow& window, const Tensor& x, const Tensor& dy,
                            const Tensor& dw, GradMode mode) {
  expect_shapes(window, x, dw, parameter_dtype(x.dtype), dy);
  INPAINT_DISPATCH(ctx, conv2d_backward_weight, window, x, dy, dw, mode);
}

}  // namespace inpaint
