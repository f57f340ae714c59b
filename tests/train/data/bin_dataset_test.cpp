#include "train/data/bin_dataset.h"

#include <doctest/doctest.h>

#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;

TEST_CASE("bin_dataset: images lie one behind the other") {
  const TemporaryFolder folder;
  std::string contents;
  for (int i = 0; i < 3 * 12; ++i) contents += static_cast<char>(i);
  put_file(folder / "x.bin", contents);
  const BinDataset colour(folder / "x.bin", 2, 3);
  CHECK(colour.count() == 3);
  CHECK(colour.image_bytes() == 12);
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t k = 0; k < 12; ++k) CHECK(colour.image(i)[k] == 12 * i + k);
  CHECK(BinDataset(folder / "x.bin", 2, 1).count() == 9);
  CHECK_NOTHROW(colour.check_not_shrunk());
}

TEST_CASE("bin_dataset: missing, empty or a folder") {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& name) {
    const std::string message = error_message([&] { BinDataset(folder / name, 64, 1); });
    CHECK(message.starts_with((folder / name).string() + ": "));
    CHECK(!contains(message, "\n"));
    return message;
  };
  CHECK(contains(refused("missing.bin"), "make one with inpaint_data"));
  put_file(folder / "empty.bin", "");
  CHECK(contains(refused("empty.bin"), "is empty"));
  std::filesystem::create_directory(folder / "folder.bin");
  CHECK(contains(refused("folder.bin"), "a folder"));
}

TEST_CASE("bin_dataset: a wrong size names the multiple, the rest, and what would fit") {
  const TemporaryFolder folder;
  put_file(folder / "x.bin", std::string(64 * 64 * 5, 'x'));  // five grey images of 64 x 64
  const std::string channels = error_message([&] { BinDataset(folder / "x.bin", 64, 3); });
  CHECK(contains(channels, "20480 bytes are no multiple of 12288"));
  CHECK(contains(channels, "8192 are left over"));
  CHECK(contains(channels, "it would fit image_size 64 with image_channel 1"));
  CHECK(!contains(channels, "image_size 128"));
  const std::string size = error_message([&] { BinDataset(folder / "x.bin", 128, 1); });
  CHECK(contains(size, "no multiple of 16384"));

  put_file(folder / "cut.bin", std::string(64 * 64 * 5 - 1, 'x'));
  CHECK(contains(error_message([&] { BinDataset(folder / "cut.bin", 64, 1); }), "damaged"));
}

TEST_CASE("bin_dataset: a file that shrinks in use is noticed") {
  const TemporaryFolder folder;
  put_file(folder / "x.bin", std::string(5 * 16, 'x'));
  const BinDataset dataset(folder / "x.bin", 4, 1);
  std::filesystem::resize_file(folder / "x.bin", 3 * 16);
  CHECK(contains(error_message([&] { dataset.check_not_shrunk(); }), "shrank from 80 to 48 bytes"));
}
