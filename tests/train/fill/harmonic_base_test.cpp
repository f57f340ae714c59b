#include "train/fill/harmonic_base.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "kernels/fill/harmonic_fill.h"
#include "train/datasets/procedural_pictures.h"
#include "train/fill/region.h"

using namespace inpaint;

namespace {

// The fill of the whole picture.
std::vector<float> whole_fill(Context& ctx, const Image& picture, const Image& mask, const HolePart& part) {
  Region region(picture, mask, {0, 0, picture.height, picture.width});
  const Tensor pixels = region.pixels();
  ctx.reserve_workspace(harmonic_fill_workspace_bytes(ctx, pixels.shape, pixels.dtype));
  harmonic_fill(ctx, region.mask(), pixels);
  std::vector<float> values;
  for (const HoleRun& run : part.runs)
    values.insert(values.end(), region.pixel(run.row, run.begin),
                  region.pixel(run.row, run.begin) + (run.end - run.begin) * picture.channels);
  return values;
}

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest * 127.5f;
}

Image enlarged(int64_t height, int64_t width, int channels) {
  return resize(procedural_picture(5, 2, 64, channels), height, width);
}

}  // namespace

TEST_CASE("harmonic base: a part near others and at the border is filled as in the whole picture") {
  Context ctx(2);
  const Image picture = enlarged(90, 120, 3);
  Image mask(90, 120, 1);
  const auto cut = [&](PixelBox box) {
    for (int64_t row = box.top; row < box.bottom(); ++row)
      std::fill_n(mask.pixel(row, box.left), box.width, uint8_t{1});
  };
  cut({0, 10, 30, 25});
  cut({32, 20, 20, 40});
  cut({10, 37, 10, 20});
  cut({60, 100, 30, 20});
  const std::vector<HolePart> parts = hole_parts(mask);
  REQUIRE(parts.size() == 4);
  for (const HolePart& part : parts)
    CHECK(largest_difference(harmonic_base(ctx, picture, mask, part), whole_fill(ctx, picture, mask, part)) <
          0.01f);
}

TEST_CASE("harmonic base: a long narrow part is filled piece by piece, a wide one in a smaller picture") {
  constexpr int64_t kLargest = 1 << 15;
  Context ctx(2);
  const Image picture = enlarged(300, 340, 1);
  Image scratch(300, 340, 1), wide(300, 340, 1);
  for (int64_t row = 20; row < 280; ++row) {
    std::fill_n(scratch.pixel(row, row + 20), 8, uint8_t{1});
    std::fill_n(wide.pixel(row, 40), 270, uint8_t{1});
  }
  const HolePart narrow = hole_parts(scratch).front(), large = hole_parts(wide).front();
  REQUIRE(narrow.box.pixels() > kLargest);
  CHECK(largest_difference(harmonic_base(ctx, picture, scratch, narrow, kLargest),
                           whole_fill(ctx, picture, scratch, narrow)) < 0.05f);
  REQUIRE(part_width(large, 300, 340) > kNarrowPart);
  const std::vector<float> base = harmonic_base(ctx, picture, wide, large, kLargest);
  const std::vector<float> exact = whole_fill(ctx, picture, wide, large);
  double sum = 0;
  for (size_t i = 0; i < base.size(); ++i) sum += std::abs(static_cast<double>(base[i] - exact[i])) * 127.5;
  CHECK(sum / static_cast<double>(base.size()) < 1);
  CHECK(base != exact);
}
