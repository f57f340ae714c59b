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
          const Tensor& grad, const Tensor& param, const Tensor& m, const Tensor& v,
          const Tensor* weights_bf16, const Tensor* half_squares) {
  const int64_t n = param.elements();
  expect_shape("adam rate", rate, {1}, DType::kF64);
  expect_shape("adam param", param, {n});
  expect_shape("adam grad", grad, {n}, param.dtype);
  expect_shape("adam m", m, {n}, param.dtype);
  expect_shape("adam v", v, {n}, param.dtype);
  INPAINT_CHECK(decayed >= 0 && decayed <= n, "adam: {} of {} parameters decayed", decayed, n);
  if (weights_bf16 != nullptr) expect_shape("adam weights_bf16", *weights_bf16, {decayed}, DType::kBF16);
  if (half_squares != nullptr) expect_shape("adam half_squares", *half_squares, {1}, DType::kF64);
  INPAINT_DISPATCH(ctx, adam, options, rate, decayed, grad, param, m, v, weights_bf16, half_squares);
}

}  // namespace inpaint
