#include "train/data/dataset_description.h"

#include <doctest/doctest.h>

#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"
#include "train/data/bin_dataset.h"

using namespace inpaint;

namespace {

const DatasetDescription kThree{.image_size = 4,
                                .image_channel = 3,
                                .count = 2,
                                .source = "my \"best\" pictures\n",
                                .seed = 7,
                                .crc32c = 0x0badcafe};

}  // namespace

TEST_CASE("dataset description: written and read") {
  const TemporaryFolder folder;
  CHECK(description_file(folder / "x_train.bin") == folder / "x_train.json");
  CHECK(description_file(folder / "x.y/plain") == folder / "x.y/plain.json");
  CHECK_FALSE(read_description(folder / "x.bin").has_value());
  CHECK(to_json(kThree) ==
        "{\"inpaint_dataset\":1,\"image_size\":4,\"image_channel\":3,\"count\":2,\"source\":\"my "
        "\\\"best\\\" pictures\\n\",\"seed\":7,\"crc32c\":\"0badcafe\"}\n");
  put_file(folder / "x.json", to_json(kThree));
  const auto read = read_description(folder / "x.bin");
  REQUIRE(read.has_value());
  CHECK(read->image_size == 4);
  CHECK(read->image_channel == 3);
  CHECK(read->count == 2);
  CHECK(read->source == kThree.source);
  CHECK(read->seed == 7);
  CHECK(read->crc32c == 0x0badcafe);
}

TEST_CASE("dataset description: somebody else's file is passed over, a damaged one of ours refused") {
  const TemporaryFolder folder;
  for (const char* other : {"", "{}", "{\"images\": [1, 2]}", "notes", "{\"inpaint"}) {
    put_file(folder / "x.json", other);
    CHECK_FALSE(read_description(folder / "x.bin").has_value());
  }
  put_file(folder / "x.json", std::string(100'000, '{'));
  CHECK_FALSE(read_description(folder / "x.bin").has_value());
  std::filesystem::remove(folder / "x.json");
  std::filesystem::create_directory(folder / "x.json");
  CHECK_FALSE(read_description(folder / "x.bin").has_value());
  std::filesystem::remove(folder / "x.json");

  const std::string whole = to_json(kThree);
  const size_t mark = std::string("{\"inpaint_dataset\":").size();
  for (size_t bytes = mark; bytes + 2 < whole.size(); ++bytes) {
    put_file(folder / "x.json", whole.substr(0, bytes));
    CHECK(contains(error_message([&] { read_description(folder / "x.bin"); }),
                   "x.json: a damaged description of a data set: no valid JSON; make the data set again"));
  }
  const auto refused = [&](const std::string& from, const std::string& to) {
    std::string text = whole;
    const size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    put_file(folder / "x.json", text.replace(at, from.size(), to));
    return error_message([&] { read_description(folder / "x.bin"); });
  };
  CHECK(contains(refused("\"image_size\":4", "\"image_size\":0"),
                 "'image_size' is missing or no whole number"));
  CHECK(contains(refused("\"image_size\":4", "\"image_size\":1e9"), "'image_size'"));
  CHECK(contains(refused("\"image_size\":4", "\"image_size\":70000"), "'image_size'"));
  CHECK(
      contains(refused("\"image_channel\":3", "\"image_channel\":2"), "'image_channel' is neither 1 nor 3"));
  CHECK(contains(refused("\"count\":2", "\"count\":18446744073709551615"), "'count'"));
  CHECK(contains(refused("\"count\":2,", ""), "'count'"));
  CHECK(contains(refused("\"seed\":7", "\"seed\":-1"), "'seed'"));
  CHECK(contains(refused("0badcafe", "0badcafg"), "'crc32c'"));
  CHECK(contains(refused("0badcafe", "badcafe"), "'crc32c'"));
  CHECK(contains(refused("dataset\":1", "dataset\":2"), "version 2 of the description"));
}

TEST_CASE("dataset description: a data set that is read otherwise is refused, with the flags to give") {
  const TemporaryFolder folder;
  put_file(folder / "x.bin", std::string(96, 'x'));
  put_file(folder / "x.json", to_json(kThree));
  const BinDataset dataset(folder / "x.bin", 4, 3);
  REQUIRE(dataset.description().has_value());
  CHECK(dataset.description()->seed == 7);
  const auto refused = [&](int64_t size, int channels) {
    return error_message([&] { BinDataset(folder / "x.bin", size, channels); });
  };
  CHECK(contains(refused(4, 1), "x.bin: holds images with image_size 4 and image_channel 3 ("));
  CHECK(contains(refused(4, 1), ", not 4 and 1; give --image_channel=3, or another data set"));
  CHECK(contains(refused(2, 3), "; give --image_size=4, or"));
  CHECK(contains(refused(5, 1), "; give --image_size=4 --image_channel=3, or"));
  for (const size_t bytes : {48, 95, 97, 144}) {
    put_file(folder / "x.bin", std::string(bytes, 'x'));
    CHECK(contains(refused(4, 3), " speaks of 2 images of 48 bytes: it is another file, or not whole"));
  }
  std::filesystem::remove(folder / "x.json");
  CHECK(BinDataset(folder / "x.bin", 4, 1).count() == 9);  // raw, as ever
}
