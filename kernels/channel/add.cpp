#include "kernels/channel/add.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(add)

void add(const Context& ctx, const Tensor& x, const Tensor& y) {
  expect_shape("add x", x, y.shape, y.dtype);
  INPAINT_DISPATCH(ctx, add, x, y);
}

}  // namespace inpaint
