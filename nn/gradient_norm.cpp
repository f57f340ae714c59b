#include "nn/gradient_norm.h"

#include <algorithm>
#include <cmath>

#include "kernels/linear/linear_gradient_squares.h"
#include "kernels/parameter/sum_of_squares.h"

namespace inpaint {

int64_t GradientNorm::workspace_bytes(const Context& ctx, const Parameters& params, int64_t batch) {
  return std::max(sum_of_squares_workspace_bytes(ctx, params.spec().parameters()),
                  linear_gradient_squares_workspace_bytes(ctx, batch));
}

GradientNorm::GradientNorm(const Parameters& params, const Tensor& squares)
    : params_(params), squares_(squares) {
  expect_shape("gradient norm squares", squares, {count(params)}, DType::kF64);
}

void GradientNorm::linear(const Context& ctx, ParameterId weight, const Tensor& x, const Tensor& dy) {
  const auto piece = static_cast<int64_t>(params_.piece_of(weight));
  linear_gradient_squares(ctx, x, dy, squares_.slice(1 + piece, 1));
}

void GradientNorm::add_stored(const Context& ctx) const {
  sum_of_squares(ctx, params_.grads(), squares_.slice(0, 1));
}

// Rounding may leave one a little below 0.
double GradientNorm::of(std::span<const double> squares) {
  double sum = 0;
  for (const double one : squares) sum += one;
  return std::sqrt(sum < 0 ? 0 : sum);
}

}  // namespace inpaint
