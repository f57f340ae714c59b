#include "train/fill/baseline_fill.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/train/holes/hole_case.h"

using namespace inpaint;

namespace {

double texture(int64_t n, int64_t i, int64_t j, int64_t c) {
  return std::sin(static_cast<double>(1 + n * 71 + i * 13 + j * 29 + c * 5));
}

// The means of the header, pixel by pixel.
template <typename T>
double reference(const HoleCase<T>& holes, BaselineFill fill, int64_t n, int64_t c) {
  if (fill == BaselineFill::kGrey) return 0;
  const int64_t top = holes.row(n), left = holes.column(n), h = holes.hole;
  double sum = 0;
  int pixels = 0;
  for (int64_t i = 0; i < holes.shape[1]; ++i)
    for (int64_t j = 0; j < holes.shape[2]; ++j) {
      const bool ring = i >= top - 1 && i <= top + h && j >= left - 1 && j <= left + h;
      if (holes.in_hole(n, i, j) || (fill == BaselineFill::kRingMean && !ring)) continue;
      sum += static_cast<double>(holes.masked[holes.index(n, i, j, c)]);
      ++pixels;
    }
  return pixels == 0 ? 0 : sum / pixels;
}

}  // namespace

TEST_CASE_TEMPLATE("baseline fill: the means of what surrounds the hole", T, float, double) {
  // Inside, at each border and corner, a hole of one pixel, one that leaves a single row, one of all
  // there is.
  struct Case {
    Shape shape;
    int64_t hole;
    std::vector<int32_t> offsets;
  };
  const Case cases[] = {{{4, 9, 11, 3}, 4, {2, 3, 0, 0, 5, 7, 0, 4}},
                        {{3, 5, 4, 1}, 1, {2, 2, 4, 0, 0, 3}},
                        {{2, 7, 6, 5}, 6, {0, 0, 1, 0}},
                        {{1, 6, 6, 2}, 6, {0, 0}}};
  for (const Case& c : cases) {
    for (const BaselineFill fill : {BaselineFill::kGrey, BaselineFill::kKnownMean, BaselineFill::kRingMean}) {
      for (const int threads : {1, 3}) {
        INFO("shape ", to_string(c.shape), " hole ", c.hole, " fill ", static_cast<int>(fill));
        HoleCase<T> holes(c.shape, c.hole, c.offsets, texture);
        fill_baseline(Context(threads), fill, holes.masked_tensor(), holes.offsets_tensor(),
                      holes.fake_tensor());
        for (int64_t n = 0; n < c.shape[0]; ++n)
          for (int64_t channel = 0; channel < c.shape[3]; ++channel) {
            const T want = static_cast<T>(reference(holes, fill, n, channel));
            for (int64_t i = 0; i < c.hole; ++i)
              for (int64_t j = 0; j < c.hole; ++j) CHECK(holes.painted(n, i, j, channel) == want);
          }
        CHECK(holes.fake.back() == HoleCase<T>::kGuard);
      }
    }
  }
}

TEST_CASE("baseline fill: a hole that leaves the picture and shapes that do not fit are refused") {
  const Context ctx(1);
  const auto fill = [&](HoleCase<float>& holes) {
    fill_baseline(ctx, BaselineFill::kRingMean, holes.masked_tensor(), holes.offsets_tensor(),
                  holes.fake_tensor());
  };
  for (const std::vector<int32_t>& offsets :
       {std::vector<int32_t>{-1, 0}, {0, -1}, {5, 0}, {0, 5}, {2147483647, 0}}) {
    HoleCase<float> holes({1, 8, 8, 1}, 4, offsets, texture);
    CHECK_THROWS_AS(fill(holes), ShapeError);
  }
  HoleCase<float> holes({1, 8, 8, 1}, 4, {0, 0}, texture);
  Tensor fake = holes.fake_tensor();
  fake.shape = {1, 4, 2, 2};
  CHECK_THROWS_AS(
      fill_baseline(ctx, BaselineFill::kGrey, holes.masked_tensor(), holes.offsets_tensor(), fake),
      ShapeError);
}
