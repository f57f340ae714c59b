#include "train/holes/hole_form.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "core/base/crc32c.h"
#include "tests/harness/error_message.h"
#include "tests/harness/nightly.h"

using namespace inpaint;

namespace {

constexpr HoleForm kDrawnForms[] = {HoleForm::kSquare, HoleForm::kBox, HoleForm::kStrokes, HoleForm::kBlobs,
                                    HoleForm::kMixed};
constexpr HoleForm kBoundedForms[] = {HoleForm::kBox, HoleForm::kStrokes, HoleForm::kBlobs};

// Masks that held 7 everywhere before the holes were drawn.
struct Masks {
  int64_t count, height, width;
  std::vector<uint8_t> bytes;

  Masks(const HoleOptions& options, uint64_t seed, uint64_t first, int64_t masks, int64_t rows,
        int64_t columns)
      : count(masks), height(rows), width(columns), bytes(static_cast<size_t>(masks * rows * columns), 7) {
    draw_holes(options, Philox(seed, RandomStream::kHoleOffsets), first,
               {{count, height, width}, DType::kU8, Device::kCpu, bytes.data()});
  }

  int64_t pixels() const { return height * width; }
  bool missing(int64_t n, int64_t row, int64_t column) const {
    return bytes[static_cast<size_t>((n * height + row) * width + column)] != 0;
  }
  std::vector<uint8_t> mask(int64_t n) const {
    return {bytes.begin() + n * pixels(), bytes.begin() + (n + 1) * pixels()};
  }
  int64_t area(int64_t n) const {
    const std::vector<uint8_t> one = mask(n);
    return std::count(one.begin(), one.end(), uint8_t{1});
  }
  double mean_area() const {
    int64_t sum = 0;
    for (int64_t n = 0; n < count; ++n) sum += area(n);
    return static_cast<double>(sum) / static_cast<double>(count * pixels());
  }
};

constexpr std::pair<int64_t, int64_t> kSizes[] = {{16, 16}, {32, 32}, {64, 64}, {128, 128}, {100, 60}};

// Parts of missing pixels that touch each other at their sides.
int count_parts(std::vector<uint8_t> mask, int64_t height, int64_t width) {
  int parts = 0;
  for (int64_t start = 0; start < height * width; ++start) {
    if (mask[static_cast<size_t>(start)] == 0) continue;
    ++parts;
    std::vector<int64_t> open = {start};
    while (!open.empty()) {
      const int64_t at = open.back(), row = at / width, column = at % width;
      open.pop_back();
      if (std::exchange(mask[static_cast<size_t>(at)], uint8_t{0}) == 0) continue;
      if (row > 0) open.push_back(at - width);
      if (row + 1 < height) open.push_back(at + width);
      if (column > 0) open.push_back(at - 1);
      if (column + 1 < width) open.push_back(at + 1);
    }
  }
  return parts;
}

}  // namespace

TEST_CASE("hole form: every byte is written, and the area lies within its bounds") {
  for (const auto& size : kSizes) {
    const auto height = size.first, width = size.second;
    for (const HoleForm form : kDrawnForms) {
      CAPTURE(height);
      CAPTURE(width);
      CAPTURE(static_cast<int>(form));
      const Masks masks({.form = form}, 1, 0, kSanitized || height == 128 ? 500 : 2000, height, width);
      const auto pixels = static_cast<double>(masks.pixels());
      int64_t least = masks.pixels(), most = 0;
      for (int64_t n = 0; n < masks.count; ++n) {
        least = std::min(least, masks.area(n));
        most = std::max(most, masks.area(n));
      }
      CHECK(*std::max_element(masks.bytes.begin(), masks.bytes.end()) == 1);
      CHECK(static_cast<double>(least) >= 0.1 * pixels);
      CHECK(static_cast<double>(most) <= 0.4 * pixels);
      if (form == HoleForm::kSquare) continue;
      CHECK(static_cast<double>(least) < 0.12 * pixels + 1);  // all of the range comes up
      CHECK(static_cast<double>(most) > 0.38 * pixels - 1);
    }
  }
}

TEST_CASE("hole form: the mean area of strokes is about 21 %, of boxes 23 %, of blobs 25 %") {
  const std::map<HoleForm, double> expected = {{HoleForm::kStrokes, 0.215},
                                               {HoleForm::kBox, 0.233},
                                               {HoleForm::kBlobs, 0.25},
                                               {HoleForm::kSquare, 0.25}};
  for (const auto& mean_area : expected) {
    const HoleForm form = mean_area.first;
    const double mean = mean_area.second;
    CAPTURE(static_cast<int>(form));
    for (const int64_t side : {16, 64}) {
      const double area = Masks({.form = form}, 2, 0, 4000, side, side).mean_area();
      CHECK(std::abs(area - mean) < 0.006);  // the deviation of a mean of 4000 is 0.0014
    }
  }
}

TEST_CASE("hole form: bounds without room between them are kept to the pixel") {
  for (const HoleForm form : kBoundedForms) {
    CAPTURE(static_cast<int>(form));
    for (const double share : {1.0 / 256, 0.0625, 0.25, 0.5, 0.9375}) {
      const Masks masks({.form = form, .min_area = share, .max_area = share}, 3, 0, 100, 32, 32);
      CAPTURE(share);
      for (int64_t n = 0; n < masks.count; ++n)
        REQUIRE(masks.area(n) == static_cast<int64_t>(share * static_cast<double>(masks.pixels())));
    }
  }
}

TEST_CASE("hole form: the smallest pictures have a missing and a known pixel") {
  for (const auto& [height, width] : {std::pair{2, 2}, {2, 9}, {9, 2}, {3, 3}, {4, 5}, {2, 300}})
    for (const HoleForm form : kDrawnForms)
      for (const auto& [least, most] : {std::pair{0.001, 0.01}, {0.1, 0.4}, {0.95, 0.95}, {0.3, 0.31}}) {
        const Masks masks({.form = form, .min_area = least, .max_area = most}, 4, 0, 50, height, width);
        for (int64_t n = 0; n < masks.count; ++n) {
          REQUIRE(masks.area(n) >= 1);
          REQUIRE(masks.area(n) < masks.pixels());
        }
      }
}

TEST_CASE("hole form: the masks of a seed never change") {
  // CRC-32C of eight masks; another value means that resumed runs no longer continue as they began.
  const auto digest = [](HoleForm form, uint64_t first, int64_t height, int64_t width) {
    const Masks masks({.form = form}, 7, first, 8, height, width);
    return crc32c(std::as_bytes(std::span(masks.bytes)));
  };
  CHECK(digest(HoleForm::kSquare, 1000, 64, 64) == 0x7BB25F6Au);
  CHECK(digest(HoleForm::kBox, 1000, 64, 64) == 0x08DB3C8Au);
  CHECK(digest(HoleForm::kStrokes, 1000, 64, 64) == 0x87E3C8ABu);
  CHECK(digest(HoleForm::kBlobs, 1000, 64, 64) == 0x30D11133u);
  CHECK(digest(HoleForm::kMixed, 1000, 64, 64) == 0x345665A7u);
  CHECK(digest(HoleForm::kStrokes, 5'000'000'000, 100, 60) == 0xCABEB57Au);
  CHECK(digest(HoleForm::kBlobs, 5'000'000'000, 60, 100) == 0xAC133407u);
  CHECK(digest(HoleForm::kBox, 5'000'000'000, 100, 60) == 0x0555A7A4u);
}

TEST_CASE("hole form: a mask depends on its picture, not on the batch") {
  for (const HoleForm form : kDrawnForms) {
    CAPTURE(static_cast<int>(form));
    const Masks all({.form = form}, 5, 40, 20, 32, 32);
    for (int64_t n = 0; n < all.count; ++n)
      CHECK(Masks({.form = form}, 5, 40 + static_cast<uint64_t>(n), 1, 32, 32).bytes == all.mask(n));
    CHECK(Masks({.form = form}, 5, 47, 13, 32, 32).bytes ==
          std::vector<uint8_t>(all.bytes.begin() + 7 * all.pixels(), all.bytes.end()));
    CHECK(Masks({.form = form}, 6, 40, 20, 32, 32).bytes != all.bytes);
  }
}

TEST_CASE(
    "hole form: mixed masks are those of the forms, half squares, a quarter strokes, an eighth each of the "
    "rest") {
  constexpr int64_t kCount = 4000;
  const Masks mixed({.form = HoleForm::kMixed}, 8, 0, kCount, 32, 32);
  const std::map<HoleForm, double> shares = {{HoleForm::kSquare, 0.5},
                                             {HoleForm::kStrokes, 0.25},
                                             {HoleForm::kBox, 0.125},
                                             {HoleForm::kBlobs, 0.125}};
  int64_t total = 0;
  for (const auto& form_share : shares) {
    const HoleForm form = form_share.first;
    const double share = form_share.second;
    CAPTURE(static_cast<int>(form));
    const Masks alone({.form = form}, 8, 0, kCount, 32, 32);
    int64_t equal = 0;
    for (int64_t n = 0; n < kCount; ++n) equal += mixed.mask(n) == alone.mask(n);
    CHECK(std::abs(static_cast<double>(equal) - kCount * share) <
          4 * std::sqrt(kCount * share * (1 - share)));
    total += equal;
  }
  CHECK(total == kCount);
}

TEST_CASE("hole form: squares have half the shorter side, their corner is uniform over all places") {
  constexpr int64_t kCount = 40500, kHeight = 16, kWidth = 20, kHalf = 8, kRows = 9, kColumns = 13;
  const Masks masks({.form = HoleForm::kSquare}, 9, 0, kCount, kHeight, kWidth);
  std::vector<int> corners(kRows * kColumns);
  for (int64_t n = 0; n < kCount; ++n) {
    const std::vector<uint8_t> mask = masks.mask(n);
    const int64_t corner = std::find(mask.begin(), mask.end(), uint8_t{1}) - mask.begin();
    const int64_t top = corner / kWidth, left = corner % kWidth;
    REQUIRE(masks.area(n) == kHalf * kHalf);
    REQUIRE(top < kRows);
    REQUIRE(left < kColumns);
    REQUIRE(masks.missing(n, top + kHalf - 1, left + kHalf - 1));
    ++corners[static_cast<size_t>(top * kColumns + left)];
  }
  // Chi-square with 116 degrees of freedom: mean 116, deviation 15.2.
  const double expected = static_cast<double>(kCount) / static_cast<double>(kRows * kColumns);
  double chi2 = 0;
  for (const int n : corners) chi2 += (n - expected) * (n - expected) / expected;
  CHECK(chi2 < 116 + 5 * 15.2);
}

TEST_CASE("hole form: one to four boxes") {
  const Masks masks({.form = HoleForm::kBox}, 10, 0, 2000, 64, 64);
  std::map<int, int> parts;
  for (int64_t n = 0; n < masks.count; ++n) ++parts[count_parts(masks.mask(n), 64, 64)];
  CHECK(parts.rbegin()->first == 4);
  for (int count = 1; count <= 4; ++count) CHECK(parts[count] > 50);
}

TEST_CASE("hole form: blobs are a few islands, and strokes are few and thick") {
  for (const auto& [form, most] : {std::pair{HoleForm::kBlobs, 4.5}, {HoleForm::kStrokes, 2.5}}) {
    const Masks masks({.form = form}, 11, 0, 500, 64, 64);
    double parts = 0, inner = 0, missing = 0;
    for (int64_t n = 0; n < masks.count; ++n) {
      parts += count_parts(masks.mask(n), 64, 64);
      missing += static_cast<double>(masks.area(n));
      for (int64_t row = 1; row < 63; ++row)
        for (int64_t column = 1; column < 63; ++column)
          inner += masks.missing(n, row, column) && masks.missing(n, row - 1, column) &&
                   masks.missing(n, row + 1, column) && masks.missing(n, row, column - 1) &&
                   masks.missing(n, row, column + 1);
    }
    CHECK(parts / static_cast<double>(masks.count) < most);
    CHECK(inner > 0.6 * missing);
  }
}

TEST_CASE("hole form: no side of the picture is preferred") {
  constexpr int64_t kCount = 20000, kSide = 16;
  for (const HoleForm form : kDrawnForms) {
    CAPTURE(static_cast<int>(form));
    const Masks masks({.form = form}, 12, 0, kCount, kSide, kSide);
    std::vector<double> share(kSide * kSide);
    for (size_t i = 0; i < masks.bytes.size(); ++i)
      share[i % share.size()] += masks.bytes[i] / double{kCount};
    const auto at = [&](int64_t row, int64_t column) {
      return share[static_cast<size_t>(row * kSide + column)];
    };
    for (int64_t i = 0; i < kSide; ++i)
      for (int64_t j = 0; j < kSide; ++j) {
        const double p = at(i, j), deviation = std::sqrt(2 * p * (1 - p) / kCount);
        CHECK(p > 0.002);
        CHECK(std::abs(p - at(kSide - 1 - i, j)) < 5 * deviation);
        CHECK(std::abs(p - at(i, kSide - 1 - j)) < 5 * deviation);
        CHECK(std::abs(p - at(j, i)) < 5 * deviation);
      }
  }
}

TEST_CASE("hole form: what cannot be drawn is refused") {
  const auto message = [](double least, double most) {
    return error_message([&] { check_hole_options({.min_area = least, .max_area = most}); });
  };
  CHECK(
      message(0.5, 0.4) ==
      "holes: the smallest area is 0.5 and the largest 0.4 of the picture; give shares with 0 < smallest <= "
      "largest <= 0.95");
  for (const auto& [least, most] : {std::pair{0.0, 0.4}, {-0.1, 0.4}, {0.1, 0.96}, {NAN, 0.4}, {0.1, NAN}})
    CHECK(message(least, most).starts_with("holes: the smallest area is "));
  check_hole_options({.min_area = 0.95, .max_area = 0.95});

  std::vector<uint8_t> bytes(64);
  const Philox random(1, RandomStream::kHoleOffsets);
  const auto draw = [&](const HoleOptions& options, const Shape& shape, DType dtype) {
    draw_holes(options, random, 0, {shape, dtype, Device::kCpu, bytes.data()});
  };
  CHECK_THROWS_AS(draw({}, {8, 8}, DType::kU8), ShapeError);
  CHECK_THROWS_AS(draw({}, {1, 4, 4}, DType::kI32), ShapeError);
  CHECK_THROWS_AS(draw({}, {8, 8, 1}, DType::kU8), Error);
  CHECK_THROWS_AS(draw({.form = HoleForm::kFiles}, {1, 8, 8}, DType::kU8), Error);
  CHECK_THROWS_AS(draw({.min_area = 0.5}, {1, 8, 8}, DType::kU8), UserError);
}
