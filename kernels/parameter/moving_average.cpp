#include "kernels/parameter/moving_average.h"

#include <algorithm>

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(moving_average)

double moving_average_rate(double decay, int64_t update) {
  INPAINT_CHECK(update >= 0, "moving_average: update {}", update);
  const double t = static_cast<double>(update);
  return 1 - std::min(decay, (1 + t) / (10 + t));
}

void moving_average(const Context& ctx, const Tensor& rate, const Tensor& values, const Tensor& averages) {
  expect_shape("moving_average rate", rate, {1}, DType::kF64);
  expect_shape("moving_average averages", averages, values.shape, values.dtype);
  INPAINT_DISPATCH(ctx, moving_average, rate, values, averages);
}

}  // namespace inpaint
