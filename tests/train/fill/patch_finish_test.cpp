#include "train/fill/patch_finish.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace inpaint;

namespace {

// Stripes of rows: what a patch is copied from is everywhere.
Image stripes(int64_t height, int64_t width) {
  Image image(height, width, 3);
  for (int64_t row = 0; row < height; ++row)
    for (int64_t column = 0; column < width; ++column)
      for (int c = 0; c < 3; ++c)
        image.pixel(row, column)[c] = static_cast<uint8_t>(row / 3 % 2 == 0 ? 40 + c : 200 + c);
  return image;
}

struct Case {
  Case(int64_t height, int64_t width, const PixelBox& hole)
      : truth(stripes(height, width)), picture(truth), mask(height, width, 1), box(hole) {
    for (int64_t row = box.top; row < box.bottom(); ++row) {
      std::fill_n(picture.pixel(row, box.left), box.width * 3, uint8_t{120});  // a guide that knows nothing
      std::fill_n(mask.pixel(row, box.left), box.width, uint8_t{1});
    }
  }
  // The share of the hole's pixels that are as they were.
  double right() const {
    int64_t equal = 0;
    for (int64_t row = box.top; row < box.bottom(); ++row)
      for (int64_t column = box.left; column < box.right(); ++column)
        equal += std::abs(*picture.pixel(row, column) - *truth.pixel(row, column)) < 12 ? 1 : 0;
    return static_cast<double>(equal) / static_cast<double>(box.pixels());
  }
  bool known_stayed() const {
    for (int64_t row = 0; row < truth.height; ++row)
      for (int64_t column = 0; column < truth.width; ++column)
        if (*mask.pixel(row, column) == 0 &&
            !std::equal(truth.pixel(row, column), truth.pixel(row, column) + 3, picture.pixel(row, column)))
          return false;
    return true;
  }

  Image truth, picture, mask;
  PixelBox box;
};

}  // namespace

TEST_CASE("patch finish: texture goes on through the hole, known pixels stay") {
  Context ctx(2);
  Case c(120, 160, {50, 60, 24, 30});
  copy_texture(ctx, c.picture, c.mask, {.box = c.box, .seed = 1});
  CHECK(c.right() > 0.9);
  CHECK(c.known_stayed());
}

TEST_CASE("patch finish: only pixels of the box change") {
  Context ctx(1);
  Case c(120, 160, {50, 60, 24, 30});
  const Image before = c.picture;
  copy_texture(ctx, c.picture, c.mask, {.box = {50, 60, 24, 10}, .seed = 1});
  for (int64_t row = 50; row < 74; ++row)
    CHECK(std::equal(before.pixel(row, 70), before.pixel(row, 90), c.picture.pixel(row, 70)));
}

TEST_CASE("patch finish: a box longer than a piece is done piece by piece") {
  Context ctx(2);
  Case c(60, 1300, {20, 50, 12, 1200});
  copy_texture(ctx, c.picture, c.mask, {.box = c.box, .seed = 1});
  CHECK(c.right() > 0.9);
  CHECK(c.known_stayed());
}
