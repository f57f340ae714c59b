#include "train/fill/region.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace inpaint;

namespace {

Image slope(int64_t height, int64_t width, int channels) {
  Image image(height, width, channels);
  for (int64_t row = 0; row < height; ++row)
    for (int64_t column = 0; column < width; ++column)
      for (int c = 0; c < channels; ++c)
        image.pixel(row, column)[c] = static_cast<uint8_t>(10 + 3 * row + 2 * column + c);
  return image;
}

float value_of(int byte) { return (static_cast<float>(byte) - 127.5f) / 127.5f; }

}  // namespace

TEST_CASE("region: pixels and mask of a box") {
  const Image picture = slope(20, 30, 3);
  Image mask(20, 30, 1);
  *mask.pixel(5, 9) = 255;
  Region region(picture, mask, {4, 8, 3, 5});
  CHECK(region.pixels().shape == Shape{1, 3, 5, 3});
  CHECK(region.pixel(1, 2)[1] == value_of(10 + 15 + 20 + 1));
  CHECK(region.is_missing(1, 1));
  CHECK(region.mask().as<uint8_t>()[6] == 1);
  CHECK_FALSE(region.is_missing(1, 2));
  region.set_known(1, 1);
  CHECK_FALSE(region.is_missing(1, 1));
  CHECK(grown({4, 8, 3, 5}, 6, picture) == PixelBox{0, 2, 13, 17});
  CHECK(grown({4, 8, 3, 5}, 100, picture) == PixelBox{0, 0, 20, 30});
}

TEST_CASE("region: a reduced one has means, also of parts of pixels") {
  const Image picture = slope(20, 30, 3);
  Image mask(20, 30, 1);
  *mask.pixel(3, 3) = 1;
  const Region whole(picture, mask, {0, 0, 20, 30});
  const Region half = whole.reduced(10, 15);
  CHECK(half.pixel(2, 4)[0] == doctest::Approx(value_of(10) + (3 * 4.5 + 2 * 8.5) / 127.5));
  CHECK(half.is_missing(1, 1));
  CHECK_FALSE(half.is_missing(1, 2));
  CHECK_FALSE(half.is_missing(2, 1));
  // 20 rows in 8: each covers 2.5 rows. The mean of a slope is its value in the middle.
  const Region odd = whole.reduced(8, 7);
  for (int64_t row = 0; row < 8; ++row)
    for (int64_t column = 0; column < 7; ++column) {
      // Pixels are constant, so a cut one counts with its own value.
      double sum = 0;
      for (int64_t y = 0; y < 20; ++y)
        for (int64_t x = 0; x < 30; ++x) {
          const double h = std::max(0.0, std::min(2.5 * (row + 1), y + 1.0) - std::max(2.5 * row, y * 1.0));
          const double w = std::max(
              0.0, std::min(30.0 / 7 * (column + 1), x + 1.0) - std::max(30.0 / 7 * column, x * 1.0));
          sum += h * w * static_cast<double>(value_of(picture.pixel(y, x)[2]));
        }
      CHECK(odd.pixel(row, column)[2] == doctest::Approx(sum / 2.5 / (30.0 / 7)));
    }
}

TEST_CASE("region: samples lie on a slope where the region does") {
  const Image picture = slope(24, 36, 1);
  const Region small = Region(picture, Image(24, 36, 1), {4, 6, 16, 24}).reduced(4, 8);
  float sample = 0;
  small.sample(11, 17, &sample);
  CHECK(sample == doctest::Approx(value_of(10 + 33 + 34)));
  small.sample(4, 6, &sample);  // before the first centre: the first pixel
  CHECK(sample == small.pixel(0, 0)[0]);
  const Region same(picture, Image(24, 36, 1), {4, 6, 16, 24});
  same.sample(7, 9, &sample);
  CHECK(sample == value_of(10 + 21 + 18));
}
