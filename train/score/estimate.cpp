#include "train/score/estimate.h"

#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numbers>

#include "core/base/error.h"

namespace inpaint {
namespace {

constexpr double kTail = 0.975;  // 95 % between the two tails

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// The interval of the mean of n values whose squared deviations sum to `squares`; n >= 2.
double student_half_width(double squares, size_t n) {
  const auto count = static_cast<double>(n);
  const double t = boost::math::quantile(boost::math::students_t(count - 1), kTail);
  return t * std::sqrt(squares / (count - 1) / count);
}

}  // namespace

Estimate mean_estimate(std::span<const double> values) {
  Estimate estimate{static_cast<int64_t>(values.size()), {}, {}};
  if (values.empty()) return estimate;
  const double mean = mean_of(values);
  estimate.value = mean;
  if (values.size() < 2) return estimate;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  estimate.half_width = student_half_width(squares, values.size());
  return estimate;
}

Estimate ratio_estimate(std::span<const double> numerators, std::span<const double> denominators) {
  INPAINT_CHECK(numerators.size() == denominators.size(), "{} numerators, {} denominators", numerators.size(),
                denominators.size());
  Estimate estimate{static_cast<int64_t>(numerators.size()), {}, {}};
  if (numerators.empty()) return estimate;
  const double denominator = mean_of(denominators);
  if (denominator == 0) return estimate;
  const double ratio = mean_of(numerators) / denominator;
  estimate.value = ratio;
  if (numerators.size() < 2) return estimate;
  double squares = 0;  // the residuals have mean 0
  for (size_t i = 0; i < numerators.size(); ++i) {
    const double residual = numerators[i] - ratio * denominators[i];
    squares += residual * residual;
  }
  estimate.half_width = student_half_width(squares, numerators.size()) / denominator;
  return estimate;
}

Estimate pooled_psnr_estimate(std::span<const double> mean_squared_errors, double peak) {
  const Estimate mean = mean_estimate(mean_squared_errors);
  Estimate estimate{mean.pictures, {}, {}};
  if (mean.value.value_or(0) == 0) return estimate;
  estimate.value = 10 * std::log10(peak * peak / *mean.value);
  if (mean.half_width) estimate.half_width = 10 / std::numbers::ln10 * *mean.half_width / *mean.value;
  return estimate;
}

}  // namespace inpaint
