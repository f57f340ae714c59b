#include "train/data/picture_set.h"

#include <doctest/doctest.h>

#include "core/image/image_codec.h"
#include "tests/harness/error_message.h"
#include "tests/train/data/noise_pictures.h"

using namespace inpaint;

TEST_CASE("picture set: a data set gives its pictures by number") {
  const TemporaryFolder folder;
  const std::vector<uint8_t> bytes = noise_pictures(3, 16, 3);
  put_dataset(folder / "a.bin", bytes);
  const auto source = open_pictures(folder / "a.bin", 16, 3);
  CHECK(source->count() == 3);
  CHECK(source->shape(2) == Shape{2, 16, 16, 3});
  CHECK(source->name(2) == "2");
  std::vector<uint8_t> pixels(768);
  for (const int64_t number : {2, 0, 1}) {
    CHECK(source->read(number, pixels.data()).empty());
    CHECK(pixels == std::vector<uint8_t>(bytes.begin() + number * 768, bytes.begin() + (number + 1) * 768));
  }

  std::filesystem::resize_file(folder / "a.bin", 1000);
  CHECK(contains(error_message([&] { return source->read(0, pixels.data()); }), "shrank"));
}

TEST_CASE("picture set: a folder gives all files below it in order, and the reason where one is no picture") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "b/deep");
  write_png(folder / "b/deep/1.png", noise_image(20, 30, 3));
  write_png(folder / "z.png", noise_image(16, 16, 1, 2));
  put_file(folder / "a.txt", "no picture");
  write_png(folder / "c.png", noise_image(15, 99, 1));
  const std::filesystem::path spellings[] = {folder.path(), folder.path() / ""};
  for (const std::filesystem::path& path : spellings) {
    const auto source = open_pictures(path, 16, 1);
    REQUIRE(source->count() == 4);
    CHECK(source->name(0) == "a.txt");
    CHECK(source->name(1) == "b/deep/1.png");
    CHECK(source->name(2) == "c.png");
    CHECK(source->name(3) == "z.png");
    std::vector<uint8_t> pixels(256, 7);
    CHECK(contains(source->read(0, pixels.data()), "a.txt: not a PNG"));
    CHECK(contains(source->read(2, pixels.data()), "too few"));
    CHECK(pixels == std::vector<uint8_t>(256, 7));
    CHECK(source->read(1, pixels.data()).empty());
    CHECK(pixels == with_channels(resize(centre_square(noise_image(20, 30, 3)), 16, 16), 1).bytes);
    CHECK(source->read(3, pixels.data()).empty());
    CHECK(pixels == noise_image(16, 16, 1, 2).bytes);
  }
}

TEST_CASE("picture set: nothing at the path, and nothing in it") {
  const TemporaryFolder folder;
  CHECK(contains(error_message([&] { open_pictures(folder / "none", 16, 3); }), "none"));
  std::filesystem::create_directories(folder / "empty/inside");
  CHECK(contains(error_message([&] { open_pictures(folder / "empty", 16, 3); }), "there is no file"));
  put_dataset(folder / "a.bin", noise_pictures(1, 17, 3));
  CHECK(contains(error_message([&] { open_pictures(folder / "a.bin", 16, 3); }), "no multiple of 768"));
}
