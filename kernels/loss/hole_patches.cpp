#include "kernels/loss/hole_patches.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(hole_patches)

void hole_patches(const Context& ctx, const PatchField& field, const Tensor& mask, const Tensor& weights) {
  const Shape &m = mask.shape, &s = weights.shape;
  if (field.size < 1 || field.stride < 1)
    throw ShapeError(fmt::format("hole_patches field: size {}, stride {}", field.size, field.stride));
  if (m.rank() != 3 || m.elements() == 0)
    throw ShapeError(fmt::format("hole_patches mask: expected [N, H, W], got {}", to_string(m)));
  expect_shape("hole_patches mask", mask, m, DType::kU8);
  if (s.rank() != 4 || s.elements() == 0)
    throw ShapeError(fmt::format("hole_patches weights: expected [N, h, w, 1], got {}", to_string(s)));
  expect_shape("hole_patches weights", weights, {m[0], s[1], s[2], 1});
  INPAINT_DISPATCH(ctx, hole_patches, field, mask, weights);
}

}  // namespace inpaint
