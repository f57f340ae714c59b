#include "kernels/loss/reconstruction_loss.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(reconstruction_loss_workspace_bytes)
INPAINT_DECLARE_DEVICES(reconstruction_loss)

int64_t reconstruction_loss_workspace_bytes(const Context& ctx, const Shape& fake) {
  return INPAINT_DISPATCH(ctx, reconstruction_loss_workspace_bytes, fake);
}

void reconstruction_loss(const Context& ctx, ReconstructionNorm norm, const Tensor& fake,
                         const Tensor& hidden, double weight, const Tensor& loss, const Tensor* dfake,
                         GradMode mode) {
  if (fake.elements() == 0)
    throw ShapeError(fmt::format("reconstruction_loss fake: {} holds nothing", to_string(fake.shape)));
  expect_shape("reconstruction_loss hidden", hidden, fake.shape, fake.dtype);
  expect_shape("reconstruction_loss loss", loss, {1}, DType::kF64);
  if (dfake != nullptr) expect_shape("reconstruction_loss dfake", *dfake, fake.shape, fake.dtype);
  INPAINT_DISPATCH(ctx, reconstruction_loss, norm, fake, hidden, weight, loss, dfake, mode);
}

}  // namespace inpaint
