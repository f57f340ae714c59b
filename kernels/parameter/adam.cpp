#include "kernels/parameter/adam.h"

#include <cmath>

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(adam_workspace_bytes)
INPAINT_DECLARE_DEVICES(adam)

double adam_rate(const AdamOptions& options, int64_t t) {
  INPAINT_CHECK(t >= 1, "adam: update {}", t);
  const double updates = static_cast<double>(t);
  return options.learning_rate * std::sqrt(1 - std::pow(options.beta2, updates)) /
         (1 - std::pow(options.beta1, updates));
}

int64_t adam_workspace_bytes(const Context& ctx, int64_t parameters) {
  return INPAINT_DISPATCH(ctx, adam_workspace_bytes, parameters);
}

void adam(const Context& ctx, const AdamOptions& options, const Tensor& rate, int64_t decayed,
          const AdamArrays& a) {
  const int64_t n = a.param.elements();
  const DType dtype = a.param.dtype;
  expect_shape("adam rate", rate, {1}, DType::kF64);
  expect_shape("adam param", a.param, {n});
  expect_shape("adam grad", a.grad, {n}, dtype);
  expect_shape("adam m", a.m, {n}, dtype);
  expect_shape("adam v", a.v, {n}, dtype);
  INPAINT_CHECK(decayed >= 0 && decayed <= n, "adam: {} of {} parameters decayed", decayed, n);
  if (a.grad_scale.data != nullptr) expect_shape("adam grad_scale", a.grad_scale, {1}, DType::kF64);
  if (a.weights_bf16.data != nullptr)
    expect_shape("adam weights_bf16", a.weights_bf16, {decayed}, DType::kBF16);
  if (a.half_squares.data != nullptr) expect_shape("adam half_squares", a.half_squares, {1}, DType::kF64);
  INPAINT_DISPATCH(ctx, adam, options, rate, decayed, a);
}

}  // namespace inpaint
