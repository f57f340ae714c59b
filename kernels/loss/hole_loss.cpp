#include "kernels/loss/hole_loss.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(hole_loss_workspace_bytes)
INPAINT_DECLARE_DEVICES(hole_loss)

namespace {

void expect_pictures(const Shape& painted) {
  if (painted.rank() != 4 || painted.elements() == 0)
    throw ShapeError(fmt::format("hole_loss painted: expected [N, H, W, C], got {}", to_string(painted)));
}

}  // namespace

int64_t hole_loss_workspace_bytes(const Context& ctx, const Shape& painted) {
  expect_pictures(painted);
  return INPAINT_DISPATCH(ctx, hole_loss_workspace_bytes, painted);
}

void hole_loss(const Context& ctx, const Tensor& painted, const Tensor& images, const Tensor& mask,
               const HoleLossWeights& weights, const Tensor& l1, const Tensor& rms, const Tensor* dpainted,
               GradMode mode) {
  const Shape& s = painted.shape;
  expect_pictures(s);
  expect_shape("hole_loss images", images, s, DType::kU8);
  expect_shape("hole_loss mask", mask, {s[0], s[1], s[2]}, DType::kU8);
  expect_shape("hole_loss l1", l1, {1}, DType::kF64);
  expect_shape("hole_loss rms", rms, {1}, DType::kF64);
  if (dpainted != nullptr) {
    expect_shape("hole_loss dpainted", *dpainted, s);
    expect_shape("hole_loss painted", painted, s, parameter_dtype(dpainted->dtype));
  }
  INPAINT_DISPATCH(ctx, hole_loss, painted, images, mask, weights, l1, rms, dpainted, mode);
}

}  // namespace inpaint
