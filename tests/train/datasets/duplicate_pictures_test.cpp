#include "train/datasets/duplicate_pictures.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <ctime>
#include <random>

#include "tests/harness/nightly.h"
#include "train/datasets/procedural_pictures.h"

using namespace inpaint;

namespace {

Image photograph(int64_t number, int64_t side = 96) { return procedural_picture(9, number, side, 3); }

Image brightened(Image image, double factor) {
  for (uint8_t& value : image.bytes) value = static_cast<uint8_t>(std::min(255.0, value * factor));
  return image;
}

Image with_noise(Image image, int most) {
  std::mt19937 random(4);
  for (uint8_t& value : image.bytes)
    value = static_cast<uint8_t>(
        std::clamp<int>(value + static_cast<int>(random() % (2 * most + 1)) - most, 0, 255));
  return image;
}

bool are_alike(const Image& a, const Image& b) {
  const PictureMark marks[] = {mark_of(a), mark_of(b)};
  const std::vector<Relation> relations = find_duplicates(marks);
  CHECK((relations[1].first == 0) == (relations[1].likeness != Likeness::kNone));
  return relations[1].first == 0;
}

// A mark whose thumbnail is that of one picture and whose look is as given.
PictureMark with_look(uint64_t look, uint64_t number) {
  static const PictureMark one = mark_of(photograph(1));
  PictureMark mark = one;
  mark.look = look;
  mark.pixels = number;
  return mark;
}

}  // namespace

TEST_CASE("duplicates: what was saved, scaled, brightened or cropped a little is found") {
  for (int number = 0; number < 20; ++number) {
    CAPTURE(number);
    const Image image = photograph(number);
    CHECK(are_alike(image, resize(image, 48, 48)));
    CHECK(are_alike(resize(image, 70, 80), image));
    CHECK(are_alike(image, brightened(image, 1.1)));
    CHECK(are_alike(image, with_channels(with_channels(image, 1), 3)));
    CHECK(are_alike(image, with_noise(image, 6)));
    CHECK(are_alike(image, crop(image, 1, 1, 95, 95)));
    CHECK(mark_of(image).pixels == mark_of(photograph(number)).pixels);
  }
}

TEST_CASE("duplicates: every byte and the size count for equality") {
  const Image image = photograph(3, 40);
  const uint64_t pixels = mark_of(image).pixels;
  for (size_t at = 0; at < image.bytes.size(); at += 7) {
    Image other = image;
    other.bytes[at] ^= 1;
    CHECK(mark_of(other).pixels != pixels);
  }
  Image last = image;
  last.bytes.back() ^= 0x80;
  CHECK(mark_of(last).pixels != pixels);
  Image wide(20, 80, 3);
  wide.bytes = image.bytes;
  CHECK(mark_of(wide).pixels != pixels);
}

TEST_CASE("duplicates: different pictures are not alike, and mirrored ones are different") {
  constexpr int kPictures = 300;
  std::vector<PictureMark> marks;
  for (int number = 0; number < kPictures; ++number) marks.push_back(mark_of(photograph(number)));
  const auto relations = find_duplicates(marks);
  CHECK(std::ranges::count(relations, Likeness::kNone, &Relation::likeness) >= kPictures - 1);
  const Image picture = photograph(1);
  Image mirrored = picture;
  for (int64_t row = 0; row < mirrored.height; ++row)
    for (int64_t column = 0; column < mirrored.width; ++column)
      std::copy_n(picture.pixel(row, mirrored.width - 1 - column), 3, mirrored.pixel(row, column));
  CHECK_FALSE(are_alike(picture, mirrored));
}

TEST_CASE("duplicates: pictures of one colour are equal or nothing") {
  Image grey(40, 40, 1), nearly = grey, other = grey;
  std::fill(other.bytes.begin(), other.bytes.end(), uint8_t{90});
  nearly.bytes[3] = 1;
  CHECK(are_alike(grey, grey));
  CHECK_FALSE(are_alike(grey, nearly));
  CHECK_FALSE(are_alike(grey, other));
}

TEST_CASE("duplicates: groups hold what is alike through others") {
  const uint64_t look = 0x123456789abcdef0;
  const uint64_t ten = 0b1111111111, other_ten = ten << 20;
  // The first two differ in 20 signs; the third in 10 from each.
  std::vector<PictureMark> marks = {with_look(look, 1), with_look(look ^ ten ^ other_ten, 2),
                                    with_look(~look, 3)};
  auto relations = find_duplicates(marks);
  CHECK(relations[1].first == 1);
  marks.push_back(with_look(look ^ ten, 4));
  marks.push_back(with_look(~look, 3));
  relations = find_duplicates(marks);
  const auto is = [&](size_t picture, int64_t first, Likeness likeness) {
    CHECK(relations[picture].first == first);
    CHECK(relations[picture].likeness == likeness);
  };
  is(0, 0, Likeness::kNone);
  is(1, 0, Likeness::kAlike);
  is(2, 2, Likeness::kNone);
  is(3, 0, Likeness::kAlike);
  is(4, 2, Likeness::kEqual);
  const std::vector<std::string> names = {"a", "b\n", "c", "d", "e"};
  CHECK(duplicates_text(relations, names) == "a\n  alike: b\\n\n  alike: d\nc\n  equal: e\n");
}

TEST_CASE("duplicates: the bands find every near look") {
  std::mt19937_64 random(1);
  const uint64_t look = random();
  for (int trial = 0; trial < 3000; ++trial) {
    uint64_t flips = 0;
    while (std::popcount(flips) < 11) flips |= uint64_t{1} << random() % 64;
    const std::vector<PictureMark> near = {with_look(look, 1), with_look(look ^ flips, 2)};
    REQUIRE(find_duplicates(near)[1].first == 0);
    while (std::popcount(flips) < 12) flips |= uint64_t{1} << random() % 64;
    const std::vector<PictureMark> far = {with_look(look, 1), with_look(look ^ flips, 2)};
    REQUIRE(find_duplicates(far)[1].first == 1);
    if (kSanitized && trial == 100) break;
  }
}

TEST_CASE("duplicates: 50,000 pictures are compared in seconds") {
  std::mt19937_64 random(2);
  std::vector<PictureMark> marks;
  for (uint64_t i = 0; i < 50'000; ++i) marks.push_back(with_look(random(), i));
  for (size_t i = 0; i < 1000; ++i) marks[49 * i + 30].look = marks[i].look ^ 0x8000100002000040;
  const std::clock_t start = std::clock();
  const auto relations = find_duplicates(marks);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  CHECK(std::ranges::count(relations, Likeness::kAlike, &Relation::likeness) > 900);
  CHECK(seconds < (kSanitized ? 60 : 8));
  MESSAGE("50,000 pictures: ", seconds, " s");
}
