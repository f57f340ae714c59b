#include "train/fill/baseline_fill.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/train/holes/mask_case.h"

using namespace inpaint;

namespace {

double texture(int64_t n, int64_t i, int64_t j, int64_t c) {
  return std::sin(static_cast<double>(1 + n * 71 + i * 13 + j * 29 + c * 5));
}

// The means of the header, pixel by pixel.
template <typename T>
T reference(const MaskCase<T>& given, BaselineFill fill, int64_t n, int64_t c) {
  if (fill == BaselineFill::kGrey) return T(0);
  double sum = 0;
  int pixels = 0;
  const auto touches = [&](int64_t row, int64_t column) {
    for (int64_t i = 0; i < given.shape[1]; ++i)
      for (int64_t j = 0; j < given.shape[2]; ++j)
        if (given.missing(n, i, j) && std::abs(i - row) <= 1 && std::abs(j - column) <= 1) return true;
    return false;
  };
  for (int64_t i = 0; i < given.shape[1]; ++i)
    for (int64_t j = 0; j < given.shape[2]; ++j) {
      if (given.missing(n, i, j) || (fill == BaselineFill::kRingMean && !touches(i, j))) continue;
      sum += static_cast<double>(given.pictures[given.index(n, i, j, c)]);
      ++pixels;
    }
  return static_cast<T>(pixels == 0 ? 0 : sum / pixels);
}

}  // namespace

TEST_CASE_TEMPLATE("baseline fill: the means of what is known", T, float, double) {
  // Squares inside and at the border, one pixel, two holes apart, an L, specks, all there is, all but a row.
  const auto square = [](int64_t n, int64_t i, int64_t j) {
    return i >= n && i < n + 4 && j >= 2 * n && j < 2 * n + 4;
  };
  const auto corner = [](int64_t, int64_t i, int64_t j) { return i == 0 && j == 0; };
  const auto two = [](int64_t, int64_t i, int64_t j) { return (i < 2 && j < 3) || (i > 5 && j > 5); };
  const auto bent = [](int64_t n, int64_t i, int64_t j) { return i == 3 + n || (j == 2 && i > 2); };
  const auto specks = [](int64_t n, int64_t i, int64_t j) { return (i * 7 + j * 3 + n) % 5 == 0; };
  const auto all = [](int64_t, int64_t, int64_t) { return true; };
  const auto rest = [](int64_t, int64_t i, int64_t) { return i > 0; };
  const std::function<bool(int64_t, int64_t, int64_t)> masks[] = {square, corner, two, bent,
                                                                  specks, all,    rest};
  int number = 0;
  for (const auto& mask : masks) {
    ++number;
    for (const BaselineFill fill : {BaselineFill::kGrey, BaselineFill::kKnownMean, BaselineFill::kRingMean})
      for (const int threads : {1, 3}) {
        INFO("mask ", number, " fill ", static_cast<int>(fill));
        const MaskCase<T> given({3, 9, 11, 3}, mask, texture);
        MaskCase<T> filled = given;
        fill_baseline(Context(threads), fill, filled.mask_tensor(), filled.pictures_tensor());
        for (int64_t n = 0; n < 3; ++n)
          for (int64_t c = 0; c < 3; ++c) {
            const T colour = reference(given, fill, n, c);
            int wrong = 0;
            for (int64_t i = 0; i < 9; ++i)
              for (int64_t j = 0; j < 11; ++j) {
                const size_t at = given.index(n, i, j, c);
                wrong += filled.pictures[at] != (given.missing(n, i, j) ? colour : given.pictures[at]);
              }
            CHECK(wrong == 0);
          }
      }
  }
}

TEST_CASE("baseline fill: shapes that do not fit are refused") {
  const Context ctx(1);
  MaskCase<float> given(
      {2, 8, 8, 1}, [](int64_t, int64_t i, int64_t) { return i == 0; }, texture);
  Tensor mask = given.mask_tensor(), pictures = given.pictures_tensor();
  mask.shape = {2, 8, 4};
  CHECK_THROWS_AS(fill_baseline(ctx, BaselineFill::kGrey, mask, pictures), ShapeError);
  pictures.shape = {2, 8, 8};
  CHECK_THROWS_AS(fill_baseline(ctx, BaselineFill::kGrey, given.mask_tensor(), pictures), ShapeError);
}
