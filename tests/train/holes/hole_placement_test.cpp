#include "train/holes/hole_placement.h"

#include <doctest/doctest.h>

#include <array>
#include <vector>

using namespace inpaint;

namespace {
Tensor view(std::vector<int32_t>& offsets) {
  return {{static_cast<int64_t>(offsets.size() / 2), 2}, DType::kI32, Device::kCpu, offsets.data()};
}
}  // namespace

TEST_CASE("hole placement: a centre hole leaves a quarter on every side") {
  std::vector<int32_t> offsets(6);
  place_holes(HolePlacement::kCenter, Philox(1, RandomStream::kHoleOffsets), 0, 128, view(offsets));
  CHECK(offsets == std::vector<int32_t>{32, 32, 32, 32, 32, 32});
}

TEST_CASE("hole placement: random offsets are uniform over 0 .. S/2 - 1, rows and columns apart") {
  constexpr int kCount = 64000, kSide = 64;
  std::vector<int32_t> offsets(2 * kCount);
  place_holes(HolePlacement::kRandom, Philox(1, RandomStream::kHoleOffsets), 0, 2 * kSide, view(offsets));
  std::array<std::array<int, kSide>, 2> counts{};
  int equal = 0;
  for (int i = 0; i < kCount; ++i) {
    for (const int axis : {0, 1}) {
      const int32_t value = offsets[static_cast<size_t>(2 * i + axis)];
      REQUIRE(value >= 0);
      REQUIRE(value < kSide);
      ++counts[static_cast<size_t>(axis)][static_cast<size_t>(value)];
    }
    equal += offsets[static_cast<size_t>(2 * i)] == offsets[static_cast<size_t>(2 * i + 1)];
  }
  // Chi-square with 63 degrees of freedom: mean 63, deviation 11.2.
  for (const auto& axis : counts) {
    double chi2 = 0;
    for (const int n : axis) chi2 += (n - kCount / kSide) * (n - kCount / kSide) / double(kCount / kSide);
    CHECK(chi2 < 63 + 6 * 11.2);
  }
  CHECK(equal < 2 * kCount / kSide);
}

TEST_CASE("hole placement: a batch later in the sequence continues it") {
  std::vector<int32_t> all(20), tail(10);
  const Philox random(7, RandomStream::kHoleOffsets);
  place_holes(HolePlacement::kRandom, random, 100, 64, view(all));
  place_holes(HolePlacement::kRandom, random, 105, 64, view(tail));
  CHECK(std::vector<int32_t>(all.begin() + 10, all.end()) == tail);
}

TEST_CASE("hole placement: masks of squares: half the side, from the corner on, and nothing else") {
  std::vector<int32_t> offsets{0, 0, 3, 1, 4, 4};
  std::vector<uint8_t> mask(3 * 64, 9);
  mark_squares(view(offsets), {{3, 8, 8}, DType::kU8, Device::kCpu, mask.data()});
  for (int64_t n = 0; n < 3; ++n)
    for (int64_t i = 0; i < 8; ++i)
      for (int64_t j = 0; j < 8; ++j) {
        const int64_t row = i - offsets[static_cast<size_t>(2 * n)],
                      column = j - offsets[static_cast<size_t>(2 * n + 1)];
        const bool inside = row >= 0 && row < 4 && column >= 0 && column < 4;
        CHECK(mask[static_cast<size_t>(n * 64 + i * 8 + j)] == (inside ? 1 : 0));
      }
  for (const std::vector<int32_t>& outside : {std::vector<int32_t>{-1, 0}, {0, 5}, {5, 0}, {0, -1}}) {
    std::vector<int32_t> corner = outside;
    CHECK_THROWS_AS(mark_squares(view(corner), {{1, 8, 8}, DType::kU8, Device::kCpu, mask.data()}),
                    ShapeError);
  }
}
