// Figures over a set of pictures, with how sure they are: value +- half_width holds the figure of all
// pictures like these in 95 of 100 cases. The pictures are taken for independent draws.
//
// Every interval is Student's: half_width = t(0.975, n - 1) * standard error. Sources: Student 1908, "The
// probable error of a mean" (doi:10.2307/2331554); for functions of means the standard error is that of the
// first-order expansion ("delta method"; for ratios Cochran, "Sampling Techniques", 3rd ed., 1977,
// section 6.3).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace inpaint {

struct Estimate {
  int64_t pictures = 0;              // that it is made of
  std::optional<double> value;       // none without pictures
  std::optional<double> half_width;  // none for fewer than two pictures
};

Estimate mean_estimate(std::span<const double> values);

// mean(numerators) / mean(denominators): two figures per picture. The standard error is
// s / (sqrt(n) mean(denominators)), with s the deviation of numerator - ratio * denominator. No value when
// the denominators are all 0; none is negative.
Estimate ratio_estimate(std::span<const double> numerators, std::span<const double> denominators);

// 10 log10(peak^2 / mean(squared_errors)) in decibel; the standard error is 10 / ln 10 times the relative one
// of the mean. No value when all errors are 0.
Estimate pooled_psnr_estimate(std::span<const double> mean_squared_errors, double peak);

}  // namespace inpaint
