#include "kernels/parameter/adaptive_clip.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(adaptive_clip)

void adaptive_clip(const Context& ctx, const Tensor& squares, const Tensor& mean, const Tensor& scale) {
  expect_shape("adaptive_clip squares", squares, {1}, DType::kF64);
  expect_shape("adaptive_clip mean", mean, {1}, DType::kF64);
  expect_shape("adaptive_clip scale", scale, {1}, DType::kF64);
  INPAINT_DISPATCH(ctx, adaptive_clip, squares, mean, scale);
}

}  // namespace inpaint
