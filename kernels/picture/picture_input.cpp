#include "kernels/picture/picture_input.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(normalize_pictures)
INPAINT_DECLARE_DEVICES(append_mask)

void normalize_pictures(const Context& ctx, const Tensor& images, const Tensor& pictures) {
  expect_shape("normalize_pictures images", images, images.shape, DType::kU8);
  expect_shape("normalize_pictures pictures", pictures, images.shape);
  INPAINT_DISPATCH(ctx, normalize_pictures, images, pictures);
}

void append_mask(const Context& ctx, const Tensor& filled, const Tensor& mask, const Tensor& x) {
  const Shape& s = filled.shape;
  if (s.rank() != 4 || s.elements() == 0)
    throw ShapeError(fmt::format("append_mask filled: expected [N, H, W, C], got {}", to_string(s)));
  expect_shape("append_mask mask", mask, {s[0], s[1], s[2]}, DType::kU8);
  expect_shape("append_mask x", x, {s[0], s[1], s[2], s[3] + 1});
  expect_shape("append_mask filled", filled, s, parameter_dtype(x.dtype));
  INPAINT_DISPATCH(ctx, append_mask, filled, mask, x);
}

}  // namespace inpaint
