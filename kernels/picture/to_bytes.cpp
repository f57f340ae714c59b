#include "kernels/picture/to_bytes.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(to_bytes)

void to_bytes(const Context& ctx, const Tensor& values, const Tensor& bytes) {
  expect_shape("to_bytes bytes", bytes, values.shape, DType::kU8);
  INPAINT_DISPATCH(ctx, to_bytes, values, bytes);
}

}  // namespace inpaint
