#include "kernels/picture/compose_hole.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(compose_hole)

void compose_hole(const Context& ctx, const Tensor& filled, const Tensor& residual, const Tensor& mask,
                  const Tensor& painted) {
  const Shape& s = residual.shape;
  if (s.rank() != 4 || s.elements() == 0)
    throw ShapeError(fmt::format("compose_hole residual: expected [N, H, W, C], got {}", to_string(s)));
  expect_shape("compose_hole filled", filled, s, parameter_dtype(residual.dtype));
  expect_shape("compose_hole mask", mask, {s[0], s[1], s[2]}, DType::kU8);
  expect_shape("compose_hole painted", painted, s, parameter_dtype(residual.dtype));
  INPAINT_DISPATCH(ctx, compose_hole, filled, residual, mask, painted);
}

}  // namespace inpaint
