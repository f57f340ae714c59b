#include "core/image/image.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/base/philox.h"

using namespace inpaint;

namespace {

Image random_image(int64_t height, int64_t width, int channels, uint64_t seed) {
  const Philox random(seed, RandomStream::kProceduralPictures);
  Image image(height, width, channels);
  for (size_t i = 0; i < image.bytes.size(); ++i)
    image.bytes[i] = static_cast<uint8_t>(random.below(256, static_cast<uint64_t>(i)));
  return image;
}

// Catmull-Rom, a = -1/2 (Keys 1981), stretched by the scale when scaling down.
double cubic(double x) {
  x = std::abs(x);
  if (x >= 2) return 0;
  return x < 1 ? 1.5 * x * x * x - 2.5 * x * x + 1 : -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2;
}

// Weights of the source pixels for one target pixel; source indices beyond the edge count for the edge pixel.
std::vector<double> weights(int64_t target, int64_t from, int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to), stretch = std::max(1.0, scale);
  const double centre = (static_cast<double>(target) + 0.5) * scale;
  std::vector<double> w(static_cast<size_t>(from));
  double sum = 0;
  for (int64_t i = -4 * from; i < 5 * from; ++i) {
    const double value = cubic((static_cast<double>(i) + 0.5 - centre) / stretch);
    w[static_cast<size_t>(std::clamp<int64_t>(i, 0, from - 1))] += value;
    sum += value;
  }
  for (double& value : w) value /= sum;
  return w;
}

double resize_reference(const Image& image, int64_t height, int64_t width, int64_t row, int64_t column,
                        int channel) {
  const auto down = weights(row, image.height, height), across = weights(column, image.width, width);
  double sum = 0;
  for (int64_t i = 0; i < image.height; ++i)
    for (int64_t j = 0; j < image.width; ++j)
      sum += down[static_cast<size_t>(i)] * across[static_cast<size_t>(j)] * image.pixel(i, j)[channel];
  return std::clamp(sum, 0.0, 255.0);
}

}  // namespace

TEST_CASE("image: luma is BT.601 in Pillow's integers") {
  // The last two would change with any of the factors one higher or one lower.
  Image rgb(1, 8, 3);
  rgb.bytes = {255, 0, 0, 0,   255, 0,   0,   0,   255, 255, 255, 255,
               1,   2, 3, 100, 150, 200, 200, 201, 208, 200, 207, 221};
  CHECK(with_channels(rgb, 1).bytes == std::vector<uint8_t>{76, 150, 29, 255, 2, 141, 201, 207});
  Image grey(2, 1, 1);
  grey.bytes = {7, 250};
  CHECK(with_channels(grey, 3).bytes == std::vector<uint8_t>{7, 7, 7, 250, 250, 250});
  CHECK(with_channels(with_channels(grey, 3), 1) == grey);
}

TEST_CASE("image: crop takes the right pixels and refuses to leave the image") {
  const Image image = random_image(5, 7, 3, 1);
  const Image part = crop(image, 2, 3, 3, 4);
  for (int64_t row = 0; row < 3; ++row)
    for (int64_t column = 0; column < 4; ++column)
      for (int c = 0; c < 3; ++c) REQUIRE(part.pixel(row, column)[c] == image.pixel(row + 2, column + 3)[c]);
  CHECK(crop(image, 0, 0, 5, 7) == image);
  CHECK_THROWS_AS(crop(image, 3, 0, 3, 1), Error);
  CHECK_THROWS_AS(crop(image, 0, -1, 1, 1), Error);
  CHECK_THROWS_AS(crop(image, 0, 5, 1, 3), Error);
}

TEST_CASE("image: the centre square lies in the middle of either side") {
  const Image wide = random_image(4, 9, 1, 2), tall = random_image(9, 4, 1, 3);
  CHECK(centre_square(wide) == crop(wide, 0, 2, 4, 4));
  CHECK(centre_square(tall) == crop(tall, 2, 0, 4, 4));
}

TEST_CASE("image: resize matches the definition of the filter, up and down") {
  const Image image = random_image(11, 14, 3, 4);
  const int64_t sizes[][2] = {{11, 14}, {5, 7}, {3, 14}, {23, 14}, {20, 5}, {1, 1}};
  for (const auto& size : sizes) {
    const int64_t height = size[0], width = size[1];
    const Image out = resize(image, height, width);
    REQUIRE(out.height == height);
    REQUIRE(out.width == width);
    for (int64_t row = 0; row < height; ++row) {
      for (int64_t column = 0; column < width; ++column) {
        for (int c = 0; c < 3; ++c) {
          INFO(height, " x ", width, " at ", row, ", ", column, ", ", c);
          // half a level for rounding, a little for single precision
          CHECK(std::abs(resize_reference(image, height, width, row, column, c) - out.pixel(row, column)[c]) <
                0.51);
        }
      }
    }
  }
}

TEST_CASE("image: scaling down does not alias") {
  Image board(64, 64, 1);
  for (int64_t row = 0; row < 64; ++row)
    for (int64_t column = 0; column < 64; ++column)
      *board.pixel(row, column) = (row + column) % 2 == 0 ? 255 : 0;
  for (const uint8_t value : resize(board, 9, 9).bytes) CHECK(std::abs(value - 127.5) < 6);
}

TEST_CASE("image: a grid goes row by row and is black where images end") {
  std::vector<Image> images;
  for (uint8_t i = 1; i <= 5; ++i) {
    images.emplace_back(2, 3, 1);
    std::fill(images.back().bytes.begin(), images.back().bytes.end(), i);
  }
  const Image grid = image_grid(images, 2);
  REQUIRE(grid.height == 6);
  REQUIRE(grid.width == 6);
  for (int64_t row = 0; row < 6; ++row)
    for (int64_t column = 0; column < 6; ++column) {
      const int64_t cell = row / 2 * 2 + column / 3;
      CHECK(*grid.pixel(row, column) == (cell < 5 ? cell + 1 : 0));
    }
  images.emplace_back(3, 2, 1);
  CHECK_THROWS_AS(image_grid(images, 2), Error);
}
