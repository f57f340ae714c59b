#include "kernels/picture/compose_hole.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(compose_hole)
INPAINT_DECLARE_DEVICES(compose_hole_backward_workspace_bytes)
INPAINT_DECLARE_DEVICES(compose_hole_backward)

namespace {

void expect_pictures(const char* what, const Shape& s) {
  if (s.rank() != 4 || s.elements() == 0)
    throw ShapeError(fmt::format("{}: expected [N, H, W, C], got {}", what, to_string(s)));
}

}  // namespace

void compose_hole(const Context& ctx, const Tensor& filled, const Tensor& residual, const Tensor& mask,
                  const Tensor& painted) {
  const Shape& s = residual.shape;
  expect_pictures("compose_hole residual", s);
  expect_shape("compose_hole filled", filled, s, parameter_dtype(residual.dtype));
  expect_shape("compose_hole mask", mask, {s[0], s[1], s[2]}, DType::kU8);
  expect_shape("compose_hole painted", painted, s, parameter_dtype(residual.dtype));
  INPAINT_DISPATCH(ctx, compose_hole, filled, residual, mask, painted);
}

int64_t compose_hole_backward_workspace_bytes(const Context& ctx, const Shape& dresidual) {
  expect_pictures("compose_hole_backward dresidual", dresidual);
  return INPAINT_DISPATCH(ctx, compose_hole_backward_workspace_bytes, dresidual);
}

void compose_hole_backward(const Context& ctx, const Tensor& dx, const Tensor& mask, const Tensor& scale,
                           const Tensor& dresidual, const Tensor& squares) {
  const Shape& s = dresidual.shape;
  expect_pictures("compose_hole_backward dresidual", s);
  expect_shape("compose_hole_backward dx", dx, {s[0], s[1], s[2], s[3] + 1}, dresidual.dtype);
  expect_shape("compose_hole_backward mask", mask, {s[0], s[1], s[2]}, DType::kU8);
  expect_shape("compose_hole_backward scale", scale, {1}, DType::kF64);
  if (squares.data != nullptr) expect_shape("compose_hole_backward squares", squares, {1}, DType::kF64);
  INPAINT_DISPATCH(ctx, compose_hole_backward, dx, mask, scale, dresidual, squares);
}

}  // namespace inpaint
