#include "train/datasets/data_generation.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"
#include "train/data/bin_dataset.h"
#include "train/datasets/procedural_pictures.h"

using namespace inpaint;

namespace {

GenerationOptions small_options(const TemporaryFolder& folder) {
  GenerationOptions options;
  options.target = {.data_root = folder.path(), .dataname = "p", .image_size = 16, .image_channel = 3};
  options.count = 100;
  options.seed = 6;
  return options;
}

}  // namespace

TEST_CASE("data_generation: pictures in their order, the first for train, the last for test") {
  const TemporaryFolder folder;
  GenerationOptions options = small_options(folder);
  options.shares = {0.7, 0.1};
  const auto written = generate_pictures(Context(2), options);
  REQUIRE(written.size() == 3);
  int64_t index = 0;
  for (const WrittenDataset& dataset : written) {
    const BinDataset file(dataset.path, 16, 3);
    CHECK(file.count() == dataset.images);
    for (int64_t i = 0; i < file.count(); ++i, ++index) {
      const Image image = procedural_picture(6, index, 16, 3);
      CHECK(std::equal(image.bytes.begin(), image.bytes.end(), file.image(i)));
    }
  }
  CHECK(index == 100);
  CHECK(folder.names() == std::set<std::string>{"p16_test.bin", "p16_test.json", "p16_train.bin",
                                                "p16_train.json", "p16_validate.bin", "p16_validate.json"});
  CHECK(written[0].images == 70);
  CHECK(written[1].images == 10);
}

TEST_CASE("data_generation: bad options and existing files change nothing") {
  const TemporaryFolder folder;
  GenerationOptions options = small_options(folder);
  options.count = 0;
  CHECK(contains(error_message([&] { generate_pictures(Context(1), options); }), "count: 0"));
  options.count = 10;
  options.target.image_channel = 2;
  CHECK(contains(error_message([&] { generate_pictures(Context(1), options); }), "image_channel: 2"));
  options.target.image_channel = 1;
  put_file(folder / "p16_test.bin", "old");
  CHECK(contains(error_message([&] { generate_pictures(Context(1), options); }), "exists already"));
  CHECK(folder.names() == std::set<std::string>{"p16_test.bin"});
  CHECK(file_contents(folder / "p16_test.bin") == "old");
}
