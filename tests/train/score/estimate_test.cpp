#include "train/score/estimate.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "core/base/philox.h"

using namespace inpaint;

namespace {

using Values = std::vector<double>;

void check(const Estimate& estimate, int64_t pictures, double value, double half_width) {
  CHECK(estimate.pictures == pictures);
  REQUIRE(estimate.value.has_value());
  REQUIRE(estimate.half_width.has_value());
  CHECK(*estimate.value == doctest::Approx(value).epsilon(1e-13));
  CHECK(*estimate.half_width == doctest::Approx(half_width).epsilon(1e-9));
}

}  // namespace

TEST_CASE("estimate: the numbers of SciPy") {
  // python3, scipy 1.10.1, t = scipy.stats.t.ppf (good to 3e-10):
  //   x.mean(), t(.975, len(x) - 1) * x.std(ddof=1) / len(x) ** .5
  check(mean_estimate(Values{2.5, 3.25, 1.0, 7.5, 4.75, 3.0}), 6, 3.66666666666667, 2.34465310637885);
  check(mean_estimate(Values{1, 4}), 2, 2.5, 19.0593071046481);
  //   R = y.mean() / d.mean(); e = y - R * d; t(.975, 3) * ((e ** 2).sum() / 3 / 4) ** .5 / d.mean()
  check(ratio_estimate(Values{1, 2, 4, 3}, Values{2, 3, 5, 8}), 4, 0.555555555555556, 0.39289460559065);
  //   10 * log10(65025 / m.mean()), 10 / log(10) * t(.975, 2) * m.std(ddof=1) / 3 ** .5 / m.mean()
  check(pooled_psnr_estimate(Values{100, 400, 900}, 255), 3, 21.4407357990933, 9.34309169073214);
}

TEST_CASE("estimate: one picture has a value and no interval, no picture has neither") {
  for (const Estimate& one : {mean_estimate(Values{4}), ratio_estimate(Values{8}, Values{2}),
                              pooled_psnr_estimate(Values{1}, std::pow(10, 0.2))}) {
    CHECK(one.pictures == 1);
    CHECK(*one.value == doctest::Approx(4));
    CHECK_FALSE(one.half_width.has_value());
  }
  for (const Estimate& none : {mean_estimate({}), ratio_estimate({}, {}), pooled_psnr_estimate({}, 255)}) {
    CHECK(none.pictures == 0);
    CHECK_FALSE(none.value.has_value());
    CHECK_FALSE(none.half_width.has_value());
  }
}

TEST_CASE("estimate: what would divide by zero has no value, and what never varies has no width") {
  CHECK_FALSE(ratio_estimate(Values{1, 2}, Values{0, 0}).value.has_value());
  CHECK_FALSE(pooled_psnr_estimate(Values{0, 0}, 255).value.has_value());
  check(mean_estimate(Values{7, 7, 7}), 3, 7, 0);
  check(ratio_estimate(Values{1, 2, 0}, Values{2, 4, 0}), 3, 0.5, 0);
}

TEST_CASE("estimate: the interval holds the truth in 95 of 100 cases") {
  const Philox random(1, RandomStream::kShuffle);
  constexpr int kSets = 4000, kSize = 5;
  int held = 0;
  for (int set = 0; set < kSets; ++set) {
    Values values;
    for (int i = 0; i < kSize; ++i)
      values.push_back(3 + 2 * random.normal(static_cast<uint64_t>(set), static_cast<uint32_t>(i)));
    const Estimate estimate = mean_estimate(values);
    held += std::abs(*estimate.value - 3) <= *estimate.half_width;
  }
  // Four deviations of a binomial share.
  CHECK(std::abs(held / static_cast<double>(kSets) - 0.95) < 4 * std::sqrt(0.95 * 0.05 / kSets));
}
