#include "train/holes/hole_sheet.h"

#include <doctest/doctest.h>

#include <vector>

using namespace inpaint;

TEST_CASE("hole sheet: masks in rows, white holes, a grey line around each") {
  std::vector<uint8_t> masks = {1, 0, 0,   //
                                0, 0, 1,   //
                                1, 1, 1,   //
                                0, 0, 0,   //
                                0, 1, 0,   //
                                0, 0, 0};  //
  const Image sheet = hole_sheet({{3, 2, 3}, DType::kU8, Device::kCpu, masks.data()}, 2);
  CHECK(sheet.height == 8);
  CHECK(sheet.width == 10);
  CHECK(sheet.channels == 1);
  constexpr uint8_t g = 128, w = 255;
  const std::vector<uint8_t> expected = {g, g, g, g, g, g, g, g, g, g,  //
                                         g, w, 0, 0, g, g, w, w, w, g,  //
                                         g, 0, 0, w, g, g, 0, 0, 0, g,  //
                                         g, g, g, g, g, g, g, g, g, g,  //
                                         g, g, g, g, g, 0, 0, 0, 0, 0,  //
                                         g, 0, w, 0, g, 0, 0, 0, 0, 0,  //
                                         g, 0, 0, 0, g, 0, 0, 0, 0, 0,  //
                                         g, g, g, g, g, 0, 0, 0, 0, 0};
  CHECK(sheet.bytes == expected);
  CHECK_THROWS_AS(hole_sheet({{6, 3}, DType::kU8, Device::kCpu, masks.data()}, 2), ShapeError);
}
