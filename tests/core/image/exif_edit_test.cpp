#include "core/image/exif_edit.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/image/exif_orientation.h"
#include "tests/core/image/exif_block.h"

using namespace inpaint;

namespace {

bool holds_thumbnail(const std::vector<uint8_t>& tiff) {
  return std::string(tiff.begin(), tiff.end()).find(kThumbnail) != std::string::npos;
}

}  // namespace

TEST_CASE("exif edit: upright changes the orientation and nothing else") {
  for (const bool little : {true, false}) {
    const std::vector<uint8_t> before = exif_block(little, 6);
    REQUIRE(exif_orientation(before) == 6);
    std::vector<uint8_t> after = before;
    set_upright(after);
    CHECK(exif_orientation(after) == 1);
    int changed = 0;
    for (size_t i = 0; i < before.size(); ++i) changed += before[i] != after[i] ? 1 : 0;
    CHECK(changed == 1);
  }
}

TEST_CASE("exif edit: the thumbnail goes, all else stays") {
  for (const bool little : {true, false}) {
    std::vector<uint8_t> block = exif_block(little, 6);
    const size_t size = block.size();
    REQUIRE(holds_thumbnail(block));
    remove_thumbnail(block);
    CHECK_FALSE(holds_thumbnail(block));
    CHECK(block.size() == size);
    CHECK(exif_orientation(block) == 6);
  }
}

TEST_CASE("exif edit: damaged blocks stay inside their bytes") {
  const std::vector<uint8_t> whole = exif_block(true, 6);
  for (size_t length = 0; length < whole.size(); ++length) {
    std::vector<uint8_t> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    set_upright(cut);
    remove_thumbnail(cut);
    CHECK(cut.size() == length);
  }
  for (size_t i = 0; i < whole.size(); ++i) {  // places and counts that point anywhere
    std::vector<uint8_t> wrong = whole;
    wrong[i] = 0xFF;
    set_upright(wrong);
    remove_thumbnail(wrong);
    CHECK(wrong.size() == whole.size());
  }
}

TEST_CASE("exif edit: a thumbnail said to lie over the directory does not take the orientation with it") {
  const std::vector<uint8_t> whole = exif_block(true, 6);
  for (size_t i = 0; i < whole.size(); ++i)
    for (size_t value = 0; value < whole.size(); ++value) {
      std::vector<uint8_t> wrong = whole;
      wrong[i] = static_cast<uint8_t>(value);
      const int before = exif_orientation(wrong);
      remove_thumbnail(wrong);
      if (exif_orientation(wrong) != before) FAIL_CHECK("byte ", i, " as ", value);
    }
}
