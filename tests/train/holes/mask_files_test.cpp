#include "train/holes/mask_files.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "core/image/image_codec.h"
#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"
#include "train/holes/hole_form.h"

using namespace inpaint;

namespace {

std::string pgm(int64_t height, int64_t width, const std::string& bytes) {
  return fmt::format("P5 {} {} 255\n", width, height) + bytes;
}

// '#' is white, '.' is black.
std::string pgm_mask(int64_t height, int64_t width, std::string text) {
  for (char& c : text) c = c == '#' ? '\xFF' : '\0';
  return pgm(height, width, text);
}

std::string drawn(const MaskFiles& files, uint64_t picture, int64_t height, int64_t width) {
  std::vector<uint8_t> bytes(static_cast<size_t>(height * width), 7);
  draw_holes({.form = HoleForm::kFiles, .files = &files}, Philox(1, RandomStream::kHoleOffsets), picture,
             {{1, height, width}, DType::kU8, Device::kCpu, bytes.data()});
  std::string text;
  for (const uint8_t byte : bytes) text += byte == 1 ? '#' : byte == 0 ? '.' : '?';
  return text;
}

std::set<std::string> all_drawn(const MaskFiles& files, int64_t height, int64_t width) {
  std::set<std::string> masks;
  for (uint64_t picture = 0; picture < 400; ++picture) masks.insert(drawn(files, picture, height, width));
  return masks;
}

constexpr auto kWhite = MaskPolarity::kWhiteIsHole, kBlack = MaskPolarity::kBlackIsHole;

}  // namespace

TEST_CASE("mask files: a square mask comes mirrored and turned in eight ways") {
  const TemporaryFolder folder;
  put_file(folder / "a.pgm", pgm_mask(3, 3,
                                      "##."
                                      ".#."
                                      "..."));
  const MaskFiles files(folder.path(), kWhite, 3, 3);
  CHECK(files.count() == 1);
  CHECK(all_drawn(files, 3, 3) == std::set<std::string>{"##..#....", ".##.#....", "....#.##.", "....#..##",
                                                        "#..##....", "..#.##...", "...##.#..", "....##..#"});
}

TEST_CASE("mask files: another mask comes mirrored in four ways, and black can be the hole") {
  const TemporaryFolder folder;
  put_file(folder / "a.pgm", pgm_mask(2, 3,
                                      "##."
                                      ".##"));
  CHECK(all_drawn(MaskFiles(folder.path(), kWhite, 2, 3), 2, 3) == std::set<std::string>{"##..##", ".####."});
  put_file(folder / "a.pgm", pgm_mask(2, 3,
                                      "##."
                                      "###"));
  CHECK(all_drawn(MaskFiles(folder.path(), kBlack, 2, 3), 2, 3) ==
        std::set<std::string>{"..#...", "#.....", ".....#", "...#.."});
}

TEST_CASE("mask files: every mask of a folder or a list comes up, as often as the others") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "deep");
  put_file(folder / "a.pgm", pgm_mask(2, 2, "#..#"));
  put_file(folder / "b.pgm", pgm_mask(2, 2, "##.."));
  Image white_corner(2, 2, 3);
  for (int c = 0; c < 3; ++c) white_corner.pixel(0, 1)[c] = 255;
  write_png(folder / "deep" / "c.png", white_corner);
  const MaskFiles files(folder.path(), kWhite, 2, 2);
  CHECK(files.count() == 3);
  int areas[4] = {};
  int two_in_line = 0;
  for (uint64_t picture = 0; picture < 3000; ++picture) {
    const std::string mask = drawn(files, picture, 2, 2);
    ++areas[std::count(mask.begin(), mask.end(), '#')];
    two_in_line += mask == "##.." || mask == "..##" || mask == "#.#." || mask == ".#.#";
  }
  CHECK(std::abs(areas[1] - 1000) < 130);  // five deviations
  CHECK(areas[1] + areas[2] == 3000);
  CHECK(std::abs(two_in_line - 1000) < 130);

  put_file(folder / "list.txt", "# some\ndeep/c.png\n");
  CHECK(all_drawn(MaskFiles(folder / "list.txt", kWhite, 2, 2), 2, 2) ==
        std::set<std::string>{"#...", ".#..", "..#.", "...#"});
}

TEST_CASE("mask files: the nearest pixel is taken in another size, without grey ones between") {
  const TemporaryFolder folder;
  put_file(folder / "a.pgm", pgm_mask(4, 6,
                                      "#....."
                                      "......"
                                      "......"
                                      "....##"));
  CHECK(all_drawn(MaskFiles(folder.path(), kWhite, 2, 3), 2, 3) ==
        std::set<std::string>{".....#", "...#..", "..#...", "#....."});
  const std::string high = "#.....#....." + std::string(24, '.') + "....##....##";
  CHECK(all_drawn(MaskFiles(folder.path(), kWhite, 8, 6), 8, 6).contains(high));
}

TEST_CASE("mask files: values that JPEG has bent a little are taken, others refused with their place") {
  const TemporaryFolder folder;
  put_file(folder / "a.pgm", pgm(2, 2, {'\x20', '\x00', '\xDF', '\xFF'}));
  CHECK(all_drawn(MaskFiles(folder.path(), kWhite, 2, 2), 2, 2).contains("..##"));
  for (const char bent : {'\x21', '\xDE', '\x80'}) {
    put_file(folder / "a.pgm", pgm(2, 3, {'\x00', '\x00', '\xFF', '\xFF', bent, bent}));
    CHECK(error_message([&] { MaskFiles(folder.path(), kWhite, 2, 3); }) ==
          fmt::format(
              "{}: not a mask of black and white: 2 of 6 pixels lie between 33 and 222, the first, of {}, "
              "in row 1, column 1; make it two-valued (a threshold) or take the file out",
              (folder / "a.pgm").string(), static_cast<uint8_t>(bent)));
  }
}

TEST_CASE("mask files: what is no mask is refused, and the message says how to mend it") {
  const TemporaryFolder folder;
  const auto message = [&](MaskPolarity polarity) {
    return error_message([&] { MaskFiles(folder.path(), polarity, 2, 2); });
  };
  CHECK(message(kWhite) == fmt::format("{}: no masks in it; put mask pictures there or name another place",
                                       folder.path().string()));
  const std::string file = (folder / "a.pgm").string();
  put_file(file, pgm_mask(2, 2, "####"));
  CHECK(message(kWhite) == fmt::format("{}: every pixel is missing at 2 x 2, white being the hole; turn the "
                                       "polarity around, or take the file out",
                                       file));
  CHECK(message(kBlack) == fmt::format("{}: no pixel is missing at 2 x 2, black being the hole; turn the "
                                       "polarity around, or take the file out",
                                       file));
  // The only hole falls between the pixels that are kept.
  put_file(file, pgm_mask(8, 8, "#" + std::string(63, '.')));
  CHECK(message(kWhite).starts_with(file + ": no pixel is missing at 2 x 2"));
  put_file(file, "no picture");
  CHECK(message(kWhite).starts_with(file + ": "));
  CHECK(error_message([&] { MaskFiles(folder / "none", kWhite, 2, 2); }).find("none") != std::string::npos);
}

TEST_CASE(
    "mask files: a mask depends on its picture, not on the batch, and another size is a mistake of the "
    "program") {
  const TemporaryFolder folder;
  put_file(folder / "a.pgm", pgm_mask(3, 3, "##..#...."));
  put_file(folder / "b.pgm", pgm_mask(3, 3, "###.#...."));
  const MaskFiles files(folder.path(), kWhite, 3, 3);
  std::vector<uint8_t> bytes(9 * 9);
  const HoleOptions options = {.form = HoleForm::kFiles, .files = &files};
  const Philox random(1, RandomStream::kHoleOffsets);
  draw_holes(options, random, 100, {{9, 3, 3}, DType::kU8, Device::kCpu, bytes.data()});
  for (uint64_t n = 0; n < 9; ++n) {
    std::string text;
    for (size_t i = 0; i < 9; ++i) text += bytes[9 * n + i] == 1 ? '#' : '.';
    CHECK(text == drawn(files, 100 + n, 3, 3));
  }
  CHECK_THROWS_AS(drawn(files, 0, 3, 4), Error);
}
