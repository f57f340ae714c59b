#include "kernels/linear/linear_adam.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(linear_adam_workspace_bytes)
INPAINT_DECLARE_DEVICES(linear_adam)

int64_t linear_adam_workspace_bytes(const Context& ctx, const LinearShape& shape, DType dtype) {
  return INPAINT_DISPATCH(ctx, linear_adam_workspace_bytes, shape, dtype);
}

void linear_adam(const Context& ctx, const AdamOptions& options, const Tensor& rate, const Tensor& x,
                 const Tensor& dy, const Tensor& w, const Tensor& m, const Tensor& v,
                 const Tensor* weights_bf16, const Tensor* half_squares) {
  if (x.shape.rank() != 2 || dy.shape.rank() != 2)
    throw ShapeError(
        fmt::format("linear_adam: x {} and dy {} must have rank 2", to_string(x.shape), to_string(dy.shape)));
  const Shape weights{dy.shape[1], x.shape[1]};
  const DType dtype = parameter_dtype(x.dtype);
  expect_shape("linear_adam rate", rate, {1}, DType::kF64);
  expect_shape("linear_adam dy", dy, {x.shape[0], dy.shape[1]}, x.dtype);
  expect_shape("linear_adam w", w, weights, dtype);
  expect_shape("linear_adam m", m, weights, dtype);
  expect_shape("linear_adam v", v, weights, dtype);
  if (weights_bf16 != nullptr) expect_shape("linear_adam weights_bf16", *weights_bf16, weights, DType::kBF16);
  if (half_squares != nullptr) expect_shape("linear_adam half_squares", *half_squares, {1}, DType::kF64);
  INPAINT_DISPATCH(ctx, linear_adam, options, rate, x, dy, w, m, v, weights_bf16, half_squares);
}

}  // namespace inpaint
