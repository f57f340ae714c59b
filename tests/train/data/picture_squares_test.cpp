#include "train/data/picture_squares.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "tests/harness/error_message.h"
#include "tests/train/data/noise_pictures.h"
#include "train/data/augmentation.h"

using namespace inpaint;

TEST_CASE("picture squares: a part of the picture, scaled, in the channels asked for") {
  const Image picture = noise_image(30, 40, 3);
  const Square square{.row = 3, .column = 7, .side = 20};
  const Image part = crop(picture, 3, 7, 20, 20);
  CHECK(square_image(picture, square, 20, 3) == part);
  CHECK(square_image(picture, square, 16, 3) == resize(part, 16, 16));
  CHECK(square_image(picture, square, 16, 1) == with_channels(resize(part, 16, 16), 1));
  CHECK(centre_image(picture, 16, 3) == resize(crop(picture, 0, 5, 30, 30), 16, 16));
}

TEST_CASE("picture squares: large pictures are scaled to twice the size, others stay") {
  CHECK(scaled_for_squares(noise_image(32, 50, 3), 16, 3) == noise_image(32, 50, 3));
  CHECK(scaled_for_squares(noise_image(16, 16, 3), 16, 1) == with_channels(noise_image(16, 16, 3), 1));
  const Image tall = noise_image(97, 64, 3);
  CHECK(scaled_for_squares(tall, 16, 3) == resize(tall, 49, 32));  // 48.5
  CHECK(scaled_for_squares(noise_image(33, 1000, 1), 16, 1).height == 32);
  CHECK(scaled_for_squares(noise_image(33, 1000, 1), 16, 1).width == 970);  // 969.7
}

TEST_CASE("picture squares: too small a picture is refused by name") {
  CHECK_NOTHROW(check_large_enough(16, 99, 16, "p"));
  CHECK(error_message([] { check_large_enough(99, 15, 16, "p"); }) ==
        "p: 15 x 99 pixels are too few for image_size 16");
}

TEST_CASE("picture squares: every side and place is drawn, none lies outside") {
  constexpr int64_t kHeight = 20, kWidth = 24, kSmallest = 16;
  std::map<int64_t, int> sides;
  std::set<std::pair<int64_t, int64_t>> places;
  for (int64_t picture = 0; picture < 4000; ++picture) {
    const Square s = random_square(7, 3, picture, kHeight, kWidth, kSmallest);
    CHECK(s == random_square(7, 3, picture, kHeight, kWidth, kSmallest));
    REQUIRE(s.side >= kSmallest);
    REQUIRE(s.row >= 0);
    REQUIRE(s.column >= 0);
    REQUIRE(s.row + s.side <= kHeight);
    REQUIRE(s.column + s.side <= kWidth);
    ++sides[s.side];
    if (s.side == kSmallest) places.emplace(s.row, s.column);
  }
  REQUIRE(sides.size() == 5);
  for (const auto& [side, count] : sides) CHECK(std::abs(count - 800) < 110);  // 4.3 deviations
  CHECK(places.size() == 5 * 9);
  CHECK(random_square(1, 1, 1, 16, 16, 16) == Square{0, 0, 16});
}

TEST_CASE("picture squares: another seed, epoch or picture, another square, and flips have no part in it") {
  const auto same = [](uint64_t seed, int64_t epoch, int64_t first) {
    int count = 0;
    for (int64_t i = 0; i < 1000; ++i)
      count += random_square(7, 3, i, 300, 400, 128) == random_square(seed, epoch, first + i, 300, 400, 128);
    return count;
  };
  CHECK(same(7, 3, 0) == 1000);
  CHECK(same(8, 3, 0) == 0);
  CHECK(same(7, 4, 0) == 0);
  CHECK(same(7, 3, 1) == 0);
  double mean[2] = {};
  int count[2] = {};
  for (int64_t i = 0; i < 4000; ++i) {
    const bool flip = is_flipped(7, 3, i);
    mean[flip] += static_cast<double>(random_square(7, 3, i, 1000, 1000, 1).side);
    ++count[flip];
  }
  CHECK(std::abs(mean[0] / count[0] - mean[1] / count[1]) < 40);  // 4.4 deviations
}
