#include "train/datasets/dataset_outputs.h"

#include <doctest/doctest.h>

#include <limits>

#include "core/base/crc32c.h"
#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"
#include "train/data/dataset_description.h"

using namespace inpaint;

namespace {

using Counts = std::array<int64_t, 3>;

DatasetTarget small_target(const TemporaryFolder& folder) {
  return {.data_root = folder / "data", .dataname = "x", .image_size = 16};
}

std::vector<uint8_t> image_of(uint8_t value) { return std::vector<uint8_t>(16 * 16, value); }

}  // namespace

TEST_CASE("dataset_outputs: a split is in proportion and complete") {
  CHECK(split_counts(100, {}) == Counts{80, 0, 20});
  CHECK(split_counts(100, {0.8, 0.1}) == Counts{80, 10, 10});
  CHECK(split_counts(10, {0.9, 0.1}) == Counts{9, 1, 0});
  CHECK(split_counts(7, {1, 0}) == Counts{7, 0, 0});
  CHECK(split_counts(7, {0, 0}) == Counts{0, 0, 7});
  CHECK(split_counts(7, {0, 1}) == Counts{0, 7, 0});
  CHECK(split_counts(11, {0.5, 0.25}) == Counts{5, 3, 3});  // 5.5, 2.75, 2.75
  CHECK(split_counts(0, {}) == Counts{0, 0, 0});
  for (int64_t count = 0; count < 300; ++count) {
    const auto counts = split_counts(count, {0.7, 0.1});
    CHECK(counts[0] + counts[1] + counts[2] == count);
    CHECK(std::abs(static_cast<double>(counts[0]) - 0.7 * static_cast<double>(count)) <= 2);
  }
}

TEST_CASE("dataset_outputs: no data set stays empty while there are pictures for it") {
  CHECK(split_counts(1, {}) == Counts{1, 0, 0});
  CHECK(split_counts(2, {}) == Counts{1, 0, 1});
  CHECK(split_counts(3, {0.9, 0.05}) == Counts{1, 1, 1});
}

TEST_CASE("dataset_outputs: shares and targets out of range are refused by name") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(contains(error_message([&] { check_shares({nan, 0}); }), "train_share: nan"));
  CHECK(contains(error_message([&] { check_shares({0.5, nan}); }), "validate_share: nan"));
  CHECK(contains(error_message([&] { check_shares({-0.1, 0}); }), "train_share"));
  CHECK(contains(error_message([&] { check_shares({1.1, 0}); }), "train_share"));
  CHECK(contains(error_message([&] { check_shares({0.8, 0.3}); }), "more than 1 together"));
  CHECK_NOTHROW(check_shares({0.9, 0.1}));

  CHECK_NOTHROW(check_target({}));
  for (const int size : {-128, 0, 14, 65, 2048})
    CHECK(contains(error_message([&] { check_target({.image_size = size}); }), "image_size: "));
  for (const int channels : {0, 2, 4})
    CHECK(contains(error_message([&] { check_target({.image_channel = channels}); }), "image_channel: "));
  for (const std::string name : {"", "a/b"})
    CHECK(contains(error_message([&] { check_target({.dataname = name}); }), "dataname: "));
}

TEST_CASE("dataset_outputs: files appear at commit, under the names the trainer looks for") {
  const TemporaryFolder folder;
  const DatasetTarget target = small_target(folder);
  std::vector<WrittenDataset> written;
  {
    DatasetOutputs outputs(target, kSplits);
    outputs.add(Split::kTest, image_of(3));
    outputs.add(Split::kTrain, image_of(1));
    outputs.add(Split::kTrain, image_of(2));
    CHECK(!std::filesystem::exists(folder / "data/x16_train.bin"));
    written = outputs.commit();
  }
  CHECK(file_contents(folder / "data/x16_train.bin") == std::string(256, 1) + std::string(256, 2));
  CHECK(file_contents(folder / "data/x16_test.bin") == std::string(256, 3));
  REQUIRE(written.size() == 2);  // nothing was for validate
  CHECK(written[0].split == Split::kTrain);
  CHECK(written[0].path == folder / "data/x16_train.bin");
  CHECK(written[0].images == 2);
  CHECK(written[1].split == Split::kTest);
  CHECK(written[1].images == 1);
  CHECK(earlier_datasets(target, written).empty());
  put_file(folder / "data/x16_validate.bin", "old");
  CHECK(earlier_datasets(target, written) ==
        std::vector<std::filesystem::path>{folder / "data/x16_validate.bin"});
}

TEST_CASE("dataset_outputs: without commit nothing is left") {
  const TemporaryFolder folder;
  {
    DatasetOutputs outputs(small_target(folder), kSplits);
    outputs.add(Split::kTrain, image_of(1));
  }
  CHECK_FALSE(std::filesystem::exists(folder / "data"));  // it was made for them
}

TEST_CASE("dataset_outputs: a description lies beside each file") {
  const TemporaryFolder folder;
  DatasetTarget target = small_target(folder);
  const auto write = [&](uint8_t value) {
    DatasetOutputs outputs(target, kSplits, "here", 9);
    outputs.add(Split::kTrain, image_of(value));
    outputs.add(Split::kTrain, image_of(value));
    outputs.commit();
  };
  write(1);
  const auto described = read_description(folder / "data/x16_train.bin");
  REQUIRE(described.has_value());
  CHECK(described->image_size == 16);
  CHECK(described->image_channel == 1);
  CHECK(described->count == 2);
  CHECK(described->source == "here");
  CHECK(described->seed == 9);
  const std::vector<uint8_t> one = image_of(1);
  CHECK(described->crc32c == crc32c(std::as_bytes(std::span(one)), crc32c(std::as_bytes(std::span(one)))));
  CHECK_FALSE(std::filesystem::exists(folder / "data/x16_test.json"));

  target.force = true;
  write(2);
  CHECK(read_description(folder / "data/x16_train.bin")->crc32c != described->crc32c);
  // Without its data set a description is in nobody's way; somebody else's file is.
  target.force = false;
  std::filesystem::remove(folder / "data/x16_train.bin");
  write(3);
  std::filesystem::remove(folder / "data/x16_train.bin");
  put_file(folder / "data/x16_train.json", "mine");
  CHECK(contains(error_message([&] { write(4); }), "x16_train.json: exists already and is no description"));
  CHECK(file_contents(folder / "data/x16_train.json") == "mine");
}

TEST_CASE("dataset_outputs: what exists is refused, or replaced by force") {
  const TemporaryFolder folder;
  DatasetTarget target = small_target(folder);
  std::filesystem::create_directory(target.data_root);
  put_file(folder / "data/x16_test.bin", "old");
  const Split train[] = {Split::kTrain}, both[] = {Split::kTrain, Split::kTest};
  const std::string message = error_message([&] { DatasetOutputs(target, both); });
  CHECK(message.starts_with((folder / "data/x16_test.bin").string()));
  CHECK(contains(message, "--force"));
  CHECK_NOTHROW(DatasetOutputs(target, train));  // another file
  CHECK(file_contents(folder / "data/x16_test.bin") == "old");

  // One that appears while the new one is made is not lost either.
  {
    DatasetOutputs outputs(target, train);
    outputs.add(Split::kTrain, image_of(1));
    put_file(folder / "data/x16_train.bin", "new");
    CHECK_THROWS_AS(outputs.commit(), UserError);
  }
  CHECK(file_contents(folder / "data/x16_train.bin") == "new");

  target.force = true;
  DatasetOutputs outputs(target, both);
  outputs.add(Split::kTest, image_of(1));
  CHECK(file_contents(folder / "data/x16_test.bin") == "old");
  outputs.commit();
  CHECK(file_contents(folder / "data/x16_test.bin") == std::string(256, 1));
}

TEST_CASE("dataset_outputs: a folder that cannot be made, and what a killed run has left") {
  const TemporaryFolder folder;
  put_file(folder / "data", "a file where the folder should be");
  CHECK(error_message([&] {
          DatasetOutputs(small_target(folder), kSplits);
        }).starts_with((folder / "data").string()));
  std::filesystem::remove(folder / "data");
  std::filesystem::create_directory(folder / "data");
  put_file(folder / "data/.inpaint-0123456789abcdef.tmp", "half");
  DatasetOutputs(small_target(folder), kSplits);
  CHECK(std::filesystem::is_empty(folder / "data"));
}
