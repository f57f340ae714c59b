#include "train/score/hole_choice.h"

#include <doctest/doctest.h>

#include <vector>

#include "core/file/safetensors.h"
#include "core/image/image_codec.h"
#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"
#include "train/score/hole_file.h"

using namespace inpaint;

namespace {

constexpr int64_t kSize = 16;

struct Drawn {
  std::vector<uint8_t> mask;
  std::vector<int32_t> corner;
  bool operator==(const Drawn&) const = default;
};

Drawn draw(const HoleSource& source, int64_t number, int64_t size = kSize) {
  Drawn drawn{std::vector<uint8_t>(static_cast<size_t>(size * size), 9), {}};
  Holes holes{{{1, size, size}, DType::kU8, Device::kCpu, drawn.mask.data()}, {}};
  if (source.squares) {
    drawn.corner.resize(2);
    holes.offsets = {{1, 2}, DType::kI32, Device::kCpu, drawn.corner.data()};
  }
  source.draw(number, holes);
  return drawn;
}

double share(const Drawn& drawn) {
  return static_cast<double>(std::count(drawn.mask.begin(), drawn.mask.end(), 1)) /
         static_cast<double>(drawn.mask.size());
}

// A file with these tensors, as save_holes does not write it.
void put_holes(const std::filesystem::path& path, std::vector<uint8_t> mask, std::vector<int32_t> corners) {
  const auto count = static_cast<int64_t>(mask.size()) / (kSize * kSize);
  std::vector<NamedTensor> tensors{{"mask", {{count, kSize, kSize}, DType::kU8, Device::kCpu, mask.data()}}};
  if (!corners.empty())
    tensors.push_back({"offsets", {{count, 2}, DType::kI32, Device::kCpu, corners.data()}});
  save_safetensors(path, tensors, {});
}

}  // namespace

TEST_CASE("hole choice: squares are those of their placement, by number, and every form keeps to its area") {
  for (const HolePlacement block : {HolePlacement::kRandom, HolePlacement::kCenter}) {
    const HoleSource source = open_holes({.block = block, .seed = 6}, 9, kSize);
    REQUIRE(source.squares);
    for (const int64_t number : {0, 7, 3}) {
      const Drawn drawn = draw(source, number);
      std::vector<int32_t> corner(2);
      place_holes(block, Philox(6, RandomStream::kEvaluationHoles), static_cast<uint64_t>(number), kSize,
                  {{1, 2}, DType::kI32, Device::kCpu, corner.data()});
      CHECK(drawn.corner == corner);
      CHECK(share(drawn) == 0.25);
      CHECK(drawn.mask[static_cast<size_t>(corner[0] * kSize + corner[1])] == 1);
    }
  }
  for (const HoleForm form : {HoleForm::kBox, HoleForm::kStrokes, HoleForm::kBlobs}) {
    const HoleSource source = open_holes({.form = form, .seed = 6, .min_hole = 0.3, .max_hole = 0.5}, 9, 64);
    REQUIRE_FALSE(source.squares);
    CHECK(draw(source, 4, 64) == draw(source, 4, 64));
    CHECK(draw(source, 4, 64) != draw(source, 5, 64));
    CHECK(draw(source, 4, 64) !=
          draw(open_holes({.form = form, .seed = 7, .min_hole = 0.3, .max_hole = 0.5}, 9, 64), 4, 64));
    for (int64_t number = 0; number < 9; ++number) {
      CHECK(share(draw(source, number, 64)) >= 0.3);
      CHECK(share(draw(source, number, 64)) <= 0.5);
    }
  }
}

TEST_CASE("hole choice: masks of files, of which white or black is missing") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "masks");
  Image mask(kSize, kSize, 1);  // a white quarter
  for (int64_t i = 0; i < kSize / 2; ++i)
    for (int64_t j = 0; j < kSize / 2; ++j) *mask.pixel(i, j) = 255;
  write_png(folder / "masks/a.png", mask);
  for (const auto& [value, missing] :
       {std::pair{MaskPolarity::kWhiteIsHole, 0.25}, {MaskPolarity::kBlackIsHole, 0.75}}) {
    const HoleChoice choice{.form = HoleForm::kFiles, .masks = folder / "masks", .mask_value = value};
    const HoleSource source = open_holes(choice, 5, kSize);
    CHECK_FALSE(source.squares);
    CHECK(share(draw(source, 3)) == missing);
    CHECK(contains(hole_text(choice, kSize),
                   "masks, " + std::string(names_of(value)[static_cast<size_t>(value)])));
  }
}

TEST_CASE("hole choice: what does not go together is said") {
  const auto complaint = [](const HoleChoice& choice) {
    return error_message([&] { check_hole_choice(choice); });
  };
  CHECK(contains(complaint({.form = HoleForm::kFiles}), "masks=FOLDER"));
  CHECK(contains(complaint({.masks = "m"}), "masks=m: the holes are square"));
  CHECK(contains(complaint({.form = HoleForm::kBox, .file = "f"}), "holes_file=f"));
  CHECK(contains(complaint({.form = HoleForm::kBox, .min_hole = 0.5, .max_hole = 0.4}),
                 "smallest area is 0.5"));
  CHECK_NOTHROW(check_hole_choice({}));
  CHECK_NOTHROW(check_hole_choice({.form = HoleForm::kFiles, .masks = "m"}));
  CHECK_NOTHROW(check_hole_choice({.file = "f"}));
}

TEST_CASE("hole file: holes come back as they were saved") {
  const TemporaryFolder folder;
  for (const HoleForm form : {HoleForm::kSquare, HoleForm::kStrokes}) {
    const HoleSource source = open_holes({.form = form, .seed = 3}, 6, kSize);
    save_holes(folder / "h.safetensors", source, 6, kSize);
    const HoleSource loaded = load_holes(folder / "h.safetensors", 4, kSize);  // more than are needed
    CHECK(loaded.squares == source.squares);
    for (int64_t number = 0; number < 6; ++number) CHECK(draw(loaded, number) == draw(source, number));
  }
}

TEST_CASE("hole file: a file that does not fit is refused with its reason") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "h.safetensors";
  const auto complaint = [&](int64_t count, int64_t size) {
    return error_message([&] { load_holes(path, count, size); });
  };
  CHECK(contains(complaint(1, kSize), "h.safetensors"));
  save_holes(path, open_holes({}, 2, kSize), 2, kSize);
  CHECK(contains(complaint(3, kSize), "2 masks for 3 pictures"));
  CHECK(contains(complaint(2, 32), "not of 32 x 32"));
  std::vector<uint8_t> mask(2 * kSize * kSize);
  mask[0] = 1;
  put_holes(path, mask, {});
  CHECK(contains(complaint(2, kSize), "nothing is missing of picture 1"));
  mask[kSize * kSize] = 255;
  put_holes(path, mask, {});
  CHECK(contains(complaint(2, kSize), "the mask of picture 1 holds other values"));
  mask[kSize * kSize] = 1;
  put_holes(path, mask, {0, 0, 0, 0});
  CHECK(contains(complaint(2, kSize), "picture 0 are not the same square"));
  put_holes(path, mask, {0, 0, 9, 0});
  CHECK(contains(complaint(2, kSize), "are not the same square"));
  std::vector<int32_t> other{1, 2};
  const NamedTensor no_mask{"other", {{2}, DType::kI32, Device::kCpu, other.data()}};
  save_safetensors(path, {&no_mask, 1}, {});
  CHECK(contains(complaint(1, kSize), "no tensor `mask`"));
}
