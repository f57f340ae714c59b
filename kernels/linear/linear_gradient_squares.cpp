#include "kernels/linear/linear_gradient_squares.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(linear_gradient_squares_workspace_bytes)
INPAINT_DECLARE_DEVICES(linear_gradient_squares)

int64_t linear_gradient_squares_workspace_bytes(const Context& ctx, int64_t n) {
  return INPAINT_DISPATCH(ctx, linear_gradient_squares_workspace_bytes, n);
}

void linear_gradient_squares(const Context& ctx, const Tensor& x, const Tensor& dy, const Tensor& squares) {
  if (x.shape.rank() != 2 || dy.shape.rank() != 2)
    throw ShapeError(fmt::format("linear_gradient_squares: x {} and dy {} must have rank 2",
                                 to_string(x.shape), to_string(dy.shape)));
  expect_shape("linear_gradient_squares dy", dy, {x.shape[0], dy.shape[1]}, x.dtype);
  expect_shape("linear_gradient_squares squares", squares, {1}, DType::kF64);
  INPAINT_DISPATCH(ctx, linear_gradient_squares, x, dy, squares);
}

}  // namespace inpaint
