#include "kernels/parameter/round_to_bf16.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(round_to_bf16)

void round_to_bf16(const Context& ctx, const Tensor& values, const Tensor& rounded) {
  expect_shape("round_to_bf16 values", values, values.shape, DType::kF32);
  expect_shape("round_to_bf16 rounded", rounded, values.shape, DType::kBF16);
  INPAINT_DISPATCH(ctx, round_to_bf16, values, rounded);
}

}  // namespace inpaint
