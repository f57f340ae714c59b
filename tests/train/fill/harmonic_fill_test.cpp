#include "train/fill/harmonic_fill.h"

#include <doctest/doctest.h>

#include <Eigen/SparseCholesky>
#include <cmath>

#include "tests/train/holes/hole_case.h"

using namespace inpaint;

namespace {

double texture(int64_t n, int64_t i, int64_t j, int64_t c) {
  return std::sin(static_cast<double>(1 + n * 71 + i * 13 + j * 29 + c * 5));
}

template <typename T>
void fill(HoleCase<T>& holes, int threads = 1) {
  HarmonicFill(holes.hole)
      .fill(Context(threads), holes.masked_tensor(), holes.offsets_tensor(), holes.fake_tensor());
  CHECK(holes.fake.back() == HoleCase<T>::kGuard);
}

// The header's equations as they stand, one per pixel, solved by a sparse Cholesky factorisation.
template <typename T>
Eigen::VectorXd direct_solution(const HoleCase<T>& holes, int64_t n, int64_t c) {
  const int64_t h = holes.hole;
  std::vector<Eigen::Triplet<double>> entries;
  Eigen::VectorXd known = Eigen::VectorXd::Zero(h * h);
  for (int64_t p = 0; p < h * h; ++p) {
    const int64_t i = holes.row(n) + p / h, j = holes.column(n) + p % h;
    double neighbours = 0;
    for (const auto& [y, x] : {std::pair{i - 1, j}, {i + 1, j}, {i, j - 1}, {i, j + 1}}) {
      if (y < 0 || x < 0 || y >= holes.shape[1] || x >= holes.shape[2]) continue;
      ++neighbours;
      if (holes.in_hole(n, y, x))
        entries.emplace_back(p, (y - holes.row(n)) * h + x - holes.column(n), -1.0);
      else
        known[p] += static_cast<double>(holes.masked[holes.index(n, y, x, c)]);
    }
    entries.emplace_back(p, p, neighbours);
  }
  Eigen::SparseMatrix<double> matrix(h * h, h * h);
  matrix.setFromTriplets(entries.begin(), entries.end());
  return Eigen::SimplicialLDLT<Eigen::SparseMatrix<double>>(matrix).solve(known);
}

// Inside; then each side, each corner, two opposite sides and three sides of the hole on the border.
struct Placement {
  int64_t rows, columns;  // of the picture, beyond the hole
  int32_t row, column;
};
const Placement kPlacements[] = {{4, 6, 1, 3}, {2, 2, 0, 1}, {2, 2, 2, 1}, {2, 2, 1, 0}, {2, 2, 1, 2},
                                 {3, 3, 0, 0}, {3, 3, 0, 3}, {3, 3, 3, 0}, {3, 3, 3, 3}, {0, 2, 0, 1},
                                 {2, 0, 1, 0}, {0, 1, 0, 0}, {0, 1, 0, 1}, {1, 0, 0, 0}, {1, 0, 1, 0}};

}  // namespace

TEST_CASE_TEMPLATE("harmonic fill: equals a direct solution of the equations", T, float, double) {
  for (const int64_t hole : {1, 2, 3, 8, 31}) {
    for (const Placement& p : kPlacements) {
      INFO("hole ", hole, " at (", p.row, ", ", p.column, ") beyond it ", p.rows, " x ", p.columns);
      HoleCase<T> holes({2, hole + p.rows, hole + p.columns, 3}, hole, {p.row, p.column, p.row, p.column},
                        texture);
      fill(holes, 2);
      double error = 0;
      for (int64_t n = 0; n < 2; ++n)
        for (int64_t c = 0; c < 3; ++c) {
          const Eigen::VectorXd want = direct_solution(holes, n, c);
          for (int64_t k = 0; k < hole * hole; ++k)
            error = std::fmax(
                error, std::abs(want[k] - static_cast<double>(holes.painted(n, k / hole, k % hole, c))));
        }
      CHECK(error <= (std::is_same_v<T, float> ? 6e-8 : 1e-12));  // half an ulp below 1; the header's bound
    }
  }
}

TEST_CASE("harmonic fill: the largest hole of 256 x 256 pictures") {
  HoleCase<double> holes({2, 256, 256, 1}, 128, {64, 100, 0, 0}, texture);
  fill(holes);
  for (int64_t n = 0; n < 2; ++n) {
    const Eigen::VectorXd want = direct_solution(holes, n, 0);
    double error = 0;
    for (int64_t k = 0; k < 128 * 128; ++k)
      error = std::fmax(error, std::abs(want[k] - holes.painted(n, k / 128, k % 128, 0)));
    CHECK(error < 1e-12);
  }
}

TEST_CASE("harmonic fill: a slope is continued exactly, a reflecting border flattens it") {
  const auto slope = [](int64_t, int64_t i, int64_t j, int64_t c) {
    return (static_cast<double>(i) * (c == 0 ? 1 : -2) + 3 * static_cast<double>(j)) / 64 - 0.5;
  };
  HoleCase<double> inside({1, 20, 22, 2}, 9, {5, 7}, slope);
  fill(inside);
  for (int64_t i = 0; i < 9; ++i)
    for (int64_t j = 0; j < 9; ++j)
      for (int64_t c = 0; c < 2; ++c)
        CHECK(inside.painted(0, i, j, c) ==
              doctest::Approx(slope(0, 5 + i, 7 + j, c)).epsilon(1e-13).scale(1));

  // Known above and below only: linear from one to the other, the same in every column.
  const auto rows_only = [](int64_t, int64_t i, int64_t, int64_t) { return static_cast<double>(i) / 10; };
  HoleCase<double> strip({1, 9, 7, 1}, 7, {1, 0}, rows_only);
  fill(strip);
  for (int64_t i = 0; i < 7; ++i)
    for (int64_t j = 0; j < 7; ++j)
      CHECK(strip.painted(0, i, j, 0) == doctest::Approx(static_cast<double>(1 + i) / 10).epsilon(1e-13));

  // Known above only: every row repeats what stands above, for nothing pulls elsewhere but the row itself.
  const auto constant = [](int64_t, int64_t, int64_t, int64_t) { return 0.25; };
  HoleCase<double> hanging({1, 6, 5, 1}, 5, {1, 0}, constant);
  fill(hanging);
  for (int64_t i = 0; i < 25; ++i)
    CHECK(hanging.fake[static_cast<size_t>(i)] == doctest::Approx(0.25).epsilon(1e-13));
}

TEST_CASE(
    "harmonic fill: no value beyond those of the surroundings, every pixel the mean of its neighbours") {
  for (const Placement& p : kPlacements) {
    HoleCase<double> holes({1, 16 + p.rows, 16 + p.columns, 1}, 16, {p.row, p.column}, texture);
    double low = 2, high = -2;
    for (const double value : holes.masked) {
      if (std::isnan(value)) continue;
      low = std::fmin(low, value);
      high = std::fmax(high, value);
    }
    fill(holes);
    for (int64_t i = 0; i < 16; ++i)
      for (int64_t j = 0; j < 16; ++j) {
        CHECK(holes.painted(0, i, j, 0) >= low);
        CHECK(holes.painted(0, i, j, 0) <= high);
        if (i > 0 && j > 0 && i < 15 && j < 15)
          CHECK(4 * holes.painted(0, i, j, 0) ==
                doctest::Approx(holes.painted(0, i - 1, j, 0) + holes.painted(0, i + 1, j, 0) +
                                holes.painted(0, i, j - 1, 0) + holes.painted(0, i, j + 1, 0))
                    .epsilon(1e-12)
                    .scale(1));
      }
  }
}

TEST_CASE("harmonic fill: a picture that is all hole is grey; the same bits for any number of threads") {
  HoleCase<float> all({1, 6, 6, 2}, 6, {0, 0}, texture);
  fill(all);
  for (int64_t k = 0; k < 72; ++k) CHECK(all.fake[static_cast<size_t>(k)] == 0.0f);

  std::vector<float> first;
  for (const int threads : {1, 2, 3, 8}) {
    HoleCase<float> holes({5, 24, 24, 3}, 12, {0, 0, 3, 4, 12, 12, 7, 0, 11, 2}, texture);
    fill(holes, threads);
    if (first.empty()) first = holes.fake;
    CHECK(first == holes.fake);
  }
}

TEST_CASE("harmonic fill: holes of another size or outside the picture are refused") {
  const Context ctx(1);
  const HarmonicFill harmonic(4);
  HoleCase<float> other({1, 9, 9, 1}, 5, {1, 1}, texture);
  CHECK_THROWS_AS(harmonic.fill(ctx, other.masked_tensor(), other.offsets_tensor(), other.fake_tensor()),
                  ShapeError);
  HoleCase<float> outside({1, 9, 9, 1}, 4, {6, 1}, texture);
  CHECK_THROWS_AS(
      harmonic.fill(ctx, outside.masked_tensor(), outside.offsets_tensor(), outside.fake_tensor()),
      ShapeError);
  CHECK_THROWS_AS(HarmonicFill(0), Error);
}
