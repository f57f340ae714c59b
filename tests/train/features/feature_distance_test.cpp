#include "train/features/feature_distance.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/base/philox.h"
#include "tests/harness/error_message.h"

using namespace inpaint;

namespace {

using Rows = std::vector<std::vector<double>>;

FeatureSet set_of(const Rows& rows) {
  FeatureSet set(static_cast<int64_t>(rows.front().size()));
  for (const auto& row : rows) set.add(row);
  return set;
}

// Six points with this mean and the sample covariance [[a, b], [b, c]]: steps along the columns of its
// Cholesky factor.
Rows points(double x, double y, double a, double b, double c) {
  const double l11 = std::sqrt(a), l21 = b / l11, l22 = std::sqrt(c - l21 * l21),
               step = std::sqrt(5.0 / 2);  // two of six points lie on each axis, n - 1 = 5
  return {{x + step * l11, y + step * l21},
          {x - step * l11, y - step * l21},
          {x, y + step * l22},
          {x, y - step * l22},
          {x, y},
          {x, y}};
}

// The same points in more dimensions, turned: no distance changes.
Rows turned(const Rows& rows, size_t dimension, double angle) {
  Rows all;
  for (const auto& row : rows) {
    std::vector<double> point(dimension, 3.0);
    point[1] = std::cos(angle) * row[0] - std::sin(angle) * row[1];
    point[dimension - 1] = std::sin(angle) * row[0] + std::cos(angle) * row[1];
    all.push_back(point);
  }
  return all;
}

FeatureMap map_of(int64_t channels, const std::vector<float>& values) {
  return {static_cast<int64_t>(values.size()) / channels, channels, values};
}

}  // namespace

TEST_CASE("frechet distance: of normal distributions that are known") {
  // One dimension: (m1 - m2)^2 + (s1 - s2)^2.
  CHECK(frechet_distance(set_of({{-1}, {1}}), set_of({{0}, {4}})).value() ==
        doctest::Approx(4 + std::pow(std::sqrt(8.0) - std::sqrt(2.0), 2)));
  // Two, with covariances that do not commute: tr sqrt(M) = sqrt(tr M + 2 sqrt(det M)), M = S1 S2.
  const Rows first = points(1, 2, 2, 1, 2), second = points(4, -2, 1, -0.5, 5);
  const double trace = 2 * 1 + 1 * -0.5 + 1 * -0.5 + 2 * 5, determinant = 3 * 4.75,
               want = 9 + 16 + 4 + 6 - 2 * std::sqrt(trace + 2 * std::sqrt(determinant));
  CHECK(frechet_distance(set_of(first), set_of(second)).value() == doctest::Approx(want));
  CHECK(frechet_distance(set_of(second), set_of(first)).value() == doctest::Approx(want));
  // As many dimensions as pictures, and more.
  for (const size_t dimension : {3u, 6u, 7u, 40u})
    CHECK(frechet_distance(set_of(turned(first, dimension, 0.7)), set_of(turned(second, dimension, 0.7)))
              .value() == doctest::Approx(want));
}

TEST_CASE("frechet distance: sets of other sizes, and equal ones") {
  const Rows first = points(0, 0, 1, 0, 1), second = points(0, 0, 4, 0, 9);
  Rows twice = second;  // the same mean; the covariance is 10 / 11 of the six points'
  twice.insert(twice.end(), second.begin(), second.end());
  const double root = std::sqrt(10.0 / 11), a = 1 - 2 * root, b = 1 - 3 * root;
  CHECK(frechet_distance(set_of(first), set_of(twice)).value() == doctest::Approx(a * a + b * b));
  const Philox random(1, RandomStream::kProceduralPictures);
  for (const int64_t dimension : {3, 30}) {
    FeatureSet set(dimension);
    for (int64_t n = 0; n < 20; ++n) {
      std::vector<double> row;
      for (int64_t i = 0; i < dimension; ++i)
        row.push_back(random.normal(static_cast<uint64_t>(n * dimension + i)));
      set.add(row);
    }
    CHECK(frechet_distance(set, set).value() < 1e-6);
  }
}

TEST_CASE("frechet distance: one picture has no covariance") {
  CHECK_FALSE(frechet_distance(set_of({{1, 2}}), set_of({{1, 2}, {3, 4}})).has_value());
  CHECK_FALSE(frechet_distance(set_of({{1, 2}, {3, 4}}), set_of({{1, 2}})).has_value());
  CHECK(contains(error_message<Error>([] { FeatureSet(3).add(std::vector<double>{1, 2}); }), "2 features"));
  CHECK(contains(error_message<Error>([] { (void)frechet_distance(FeatureSet(3), FeatureSet(2)); }),
                 "3 and 2"));
}

TEST_CASE("perceptual distance: squared differences, mean over pixels, sum over layers") {
  const PictureFeatures a{{map_of(2, {1, 0, 0.6f, 0.8f}), map_of(3, {0, 1, 0})}, {}},
      b{{map_of(2, {0, 1, 0.6f, 0.8f}), map_of(3, {0, 0, 1})}, {}},
      c{{map_of(2, {0.6f, 0.8f, 1, 0}), map_of(3, {0, 1, 0})}, {}};
  CHECK(perceptual_distance(a, a) == 0);
  CHECK(perceptual_distance(a, b) == 1 + 2);  // (2 + 0) / 2 and 2
  CHECK(perceptual_distance(b, a) == 3);
  CHECK(perceptual_distance(a, c) == doctest::Approx(0.8));  // 0.16 + 0.64 at both pixels
  CHECK_THROWS_AS((void)perceptual_distance(a, PictureFeatures{}), Error);
}
