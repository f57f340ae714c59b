#include "kernels/loss/total_variation.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(total_variation_workspace_bytes)
INPAINT_DECLARE_DEVICES(total_variation)

namespace {

void expect_pictures(const Shape& x) {
  if (x.rank() != 4 || x.elements() == 0)
    throw ShapeError(fmt::format("total_variation x: expected [N, H, W, C], got {}", to_string(x)));
}

}  // namespace

int64_t total_variation_workspace_bytes(const Context& ctx, const Shape& x) {
  expect_pictures(x);
  return INPAINT_DISPATCH(ctx, total_variation_workspace_bytes, x);
}

void total_variation(const Context& ctx, const Tensor& x, double weight, const Tensor& loss, const Tensor* dx,
                     GradMode mode) {
  expect_pictures(x.shape);
  expect_shape("total_variation loss", loss, {1}, DType::kF64);
  if (dx != nullptr) expect_shape("total_variation dx", *dx, x.shape, x.dtype);
  INPAINT_DISPATCH(ctx, total_variation, x, weight, loss, dx, mode);
}

}  // namespace inpaint
