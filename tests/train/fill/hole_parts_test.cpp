#include "train/fill/hole_parts.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>

#include "core/base/philox.h"

using namespace inpaint;

namespace {

Image mask_of(const std::vector<std::string>& rows) {
  Image mask(static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows[0].size()), 1);
  for (size_t row = 0; row < rows.size(); ++row)
    for (size_t column = 0; column < rows[row].size(); ++column)
      *mask.pixel(static_cast<int64_t>(row), static_cast<int64_t>(column)) = rows[row][column] == '#' ? 9 : 0;
  return mask;
}

// The parts by their definition: labels spread to all eight neighbours until nothing changes.
std::vector<int> labels_of(const Image& mask) {
  const auto at = [&](int64_t row, int64_t column) { return static_cast<size_t>(row * mask.width + column); };
  std::vector<int> labels(mask.bytes.size());
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = mask.bytes[i] != 0 ? static_cast<int>(i) : -1;
  for (bool changed = true; changed;) {
    changed = false;
    for (int64_t row = 0; row < mask.height; ++row)
      for (int64_t column = 0; column < mask.width; ++column) {
        int& label = labels[at(row, column)];
        if (label < 0) continue;
        for (int64_t y = std::max<int64_t>(row - 1, 0); y <= std::min(row + 1, mask.height - 1); ++y)
          for (int64_t x = std::max<int64_t>(column - 1, 0); x <= std::min(column + 1, mask.width - 1); ++x)
            if (labels[at(y, x)] >= 0 && labels[at(y, x)] < label) label = labels[at(y, x)], changed = true;
      }
  }
  return labels;
}

}  // namespace

TEST_CASE("hole parts: touching at a corner is one part, a gap is two") {
  const auto parts = hole_parts(mask_of({"##...", "..#..", ".....", "#..##"}));
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].box == PixelBox{0, 0, 2, 3});
  CHECK(parts[0].pixels == 3);
  CHECK(parts[1].box == PixelBox{3, 0, 1, 1});
  CHECK(parts[2].box == PixelBox{3, 3, 1, 2});
  REQUIRE(parts[0].runs.size() == 2);
  CHECK(parts[0].runs[1].first == 2);
  CHECK(hole_parts(mask_of({"...", "..."})).empty());
  CHECK(hole_parts(mask_of({"#.#", "#.#", "###"})).size() == 1);  // joined late
}

TEST_CASE("hole parts: random masks agree with the definition") {
  const Philox random(3, RandomStream::kHoleOffsets);
  for (uint64_t trial = 0; trial < 60; ++trial) {
    Image mask(13, 17, 1);
    for (size_t i = 0; i < mask.bytes.size(); ++i)
      mask.bytes[i] = random.below(10, trial * 1000 + i, 0) < 2 + trial % 5 ? 1 : 0;
    const std::vector<int> labels = labels_of(mask);
    const std::vector<HolePart> parts = hole_parts(mask);
    std::map<int, int64_t> wanted;
    for (const int label : labels)
      if (label >= 0) ++wanted[label];
    REQUIRE(parts.size() == wanted.size());
    size_t k = 0;
    for (const auto& [label, pixels] : wanted) {
      const HolePart& part = parts[k++];
      CHECK(part.pixels == pixels);
      int64_t counted = 0;
      PixelBox box = {13, 17, 0, 0};
      int64_t bottom = 0, right = 0;
      for (const HoleRun& run : part.runs) {
        CHECK(run.first == counted);
        for (int64_t column = run.begin; column < run.end; ++column, ++counted)
          CHECK(labels[static_cast<size_t>(run.row * 17 + column)] == label);
        box.top = std::min(box.top, run.row), box.left = std::min(box.left, run.begin);
        bottom = std::max(bottom, run.row + 1), right = std::max(right, run.end);
      }
      CHECK(counted == pixels);
      CHECK(part.box == PixelBox{box.top, box.left, bottom - box.top, right - box.left});
    }
  }
}

TEST_CASE("hole parts: the width is that of the widest place") {
  const auto width = [](const std::vector<std::string>& rows) {
    const Image mask = mask_of(rows);
    return part_width(hole_parts(mask).front(), mask.height, mask.width);
  };
  CHECK(width({".....", ".###.", ".###.", ".###.", "....."}) == 4);
  CHECK(width({".......", ".#####.", "......."}) == 2);
  CHECK(width({".......", ".#####.", ".##.##.", ".#####.", "......."}) == 2);  // around a known pixel
  // At the picture's border nothing is known behind it: the distance counts from the other side.
  CHECK(width({"##.", "##.", "##."}) == 4);
  CHECK(width({".....", ".....", "####.", "####."}) == 4);
}
