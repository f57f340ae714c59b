#include "train/data/augmentation.h"

#include <doctest/doctest.h>

#include <vector>

using namespace inpaint;

TEST_CASE("augmentation: mirror exchanges left and right, pixel by pixel") {
  std::vector<uint8_t> even = {1, 2, 3, 4};
  mirror(even.data(), 2, 1);
  CHECK(even == std::vector<uint8_t>{2, 1, 4, 3});
  std::vector<uint8_t> odd = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
                              15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27};
  mirror(odd.data(), 3, 3);
  CHECK(odd == std::vector<uint8_t>{7,  8,  9,  4,  5,  6,  1,  2,  3,  16, 17, 18, 13, 14,
                                    15, 10, 11, 12, 25, 26, 27, 22, 23, 24, 19, 20, 21});
}

TEST_CASE("augmentation: flips follow from seed, epoch and picture, and do not repeat each other") {
  // Any two of them agree on half of the pictures.
  const auto agree = [](uint64_t seed_a, int64_t epoch_a, int64_t first_a, uint64_t seed_b, int64_t epoch_b,
                        int64_t first_b) {
    int same = 0;
    for (int64_t i = 0; i < 4000; ++i)
      same += is_flipped(seed_a, epoch_a, first_a + i) == is_flipped(seed_b, epoch_b, first_b + i);
    return same;
  };
  CHECK(agree(1, 5, 0, 1, 5, 0) == 4000);
  const auto half = [](int same) { return same > 1850 && same < 2150; };  // 4.7 deviations
  CHECK(half(agree(1, 5, 0, 2, 5, 0)));
  CHECK(half(agree(1, 5, 0, 1, 6, 0)));
  CHECK(half(agree(1, 5, 0, 1, 5, 1)));
  CHECK(half(agree(1, 5, 0, uint64_t{1} << 40, 5, 0)));
  CHECK(half(agree(1, 5, 0, 1, 5, int64_t{1} << 33)));
  int flips = 0;
  for (int64_t i = 0; i < 4000; ++i) flips += is_flipped(1, 0, i);
  CHECK(half(flips));
}
