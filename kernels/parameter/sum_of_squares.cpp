#include "kernels/parameter/sum_of_squares.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(sum_of_squares_workspace_bytes)
INPAINT_DECLARE_DEVICES(sum_of_squares)

int64_t sum_of_squares_workspace_bytes(const Context& ctx, int64_t elements) {
  return INPAINT_DISPATCH(ctx, sum_of_squares_workspace_bytes, elements);
}

void sum_of_squares(const Context& ctx, const Tensor& x, const Tensor& sum) {
  expect_shape("sum_of_squares sum", sum, {1}, DType::kF64);
  INPAINT_DISPATCH(ctx, sum_of_squares, x, sum);
}

}  // namespace inpaint
