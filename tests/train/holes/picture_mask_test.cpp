#include "train/holes/picture_mask.h"

#include <doctest/doctest.h>

#include <string>

#include "core/image/image_codec.h"
#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;

namespace {

// Rows of '#' (missing) and '.' (known).
std::string text_of(const Image& mask) {
  std::string text;
  for (int64_t row = 0; row < mask.height; ++row) {
    for (int64_t column = 0; column < mask.width; ++column)
      text += *mask.pixel(row, column) == 1 ? '#' : *mask.pixel(row, column) == 0 ? '.' : '?';
    text += '/';
  }
  return text;
}

std::string pgm(const std::string& bytes) { return "P5 3 2 255\n" + bytes; }

}  // namespace

TEST_CASE("picture mask: a file says white or black is missing, with JPEG's tolerance") {
  const TemporaryFolder folder;
  put_file(folder / "m.pgm", pgm(std::string("\x00\xFF\x20\xDF\x00\xE5", 6)));
  CHECK(text_of(mask_from_file(folder / "m.pgm", MaskPolarity::kWhiteIsHole, 2, 3)) == ".#./#.#/");
  CHECK(text_of(mask_from_file(folder / "m.pgm", MaskPolarity::kBlackIsHole, 2, 3)) == "#.#/.#./");
}

TEST_CASE("picture mask: other sizes and grey values are refused with what was found") {
  const TemporaryFolder folder;
  put_file(folder / "m.pgm", pgm(std::string("\x00\xFF\x20\xDF\x00\xE5", 6)));
  const std::string size =
      error_message([&] { mask_from_file(folder / "m.pgm", MaskPolarity::kWhiteIsHole, 2, 4); });
  CHECK(contains(size, "a mask of 3 x 2 pixels for a picture of 4 x 2"));
  put_file(folder / "g.pgm", pgm(std::string("\x00\xFF\x21\xDF\x80\xE5", 6)));
  const std::string grey =
      error_message([&] { mask_from_file(folder / "g.pgm", MaskPolarity::kWhiteIsHole, 2, 3); });
  CHECK(contains(grey, "g.pgm: not a mask of black and white: 2 of 6 pixels"));
  CHECK(contains(grey, "the first, of 33, in row 0, column 2"));
}

TEST_CASE("picture mask: boxes, and those that leave the picture") {
  const PixelBox boxes[] = {{0, 1, 2, 1}, {1, 1, 1, 2}};
  CHECK(text_of(mask_from_boxes(boxes, 3, 4)) == ".#../.##./..../");
  for (const PixelBox& box :
       {PixelBox{0, 0, 4, 1}, {0, 0, 1, 5}, {-1, 0, 2, 2}, {2, 3, 1, 2}, {0, 0, 0, 1}}) {
    const std::string fault = error_message([&] { mask_from_boxes({{box}}, 3, 4); });
    CHECK(contains(fault, "does not lie inside the picture of 4 x 3 pixels"));
  }
}

TEST_CASE("picture mask: what is not opaque is missing") {
  Image alpha(1, 4, 1);
  alpha.bytes = {255, 254, 0, 255};
  CHECK(text_of(mask_from_alpha(alpha)) == ".##./");
}

TEST_CASE("picture mask: growing takes the square around every missing pixel") {
  Image mask(5, 7, 1);
  *mask.pixel(1, 1) = 1;
  *mask.pixel(4, 6) = 1;
  Image grown = mask;
  grow_mask(grown, 1);
  CHECK(text_of(grown) == "###..../###..../###..../.....##/.....##/");
  CHECK(missing_pixels(grown) == 13);
  grown = mask;
  grow_mask(grown, 0);
  CHECK(grown == mask);
  grow_mask(grown, 100);
  CHECK(missing_pixels(grown) == 35);
  Image nothing(5, 7, 1);
  grow_mask(nothing, 3);
  CHECK(missing_pixels(nothing) == 0);
}
