#include "train/score/fill_files.h"

#include <doctest/doctest.h>

#include <fstream>

#include "core/image/image_codec.h"
#include "tests/harness/error_message.h"
#include "tests/train/data/noise_pictures.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

constexpr int kSize = 16, kCount = 11;

// A batch of two pictures, loaded and painted grey.
struct Painted {
  explicit Painted(const TemporaryFolder& folder) {
    put_dataset(folder / "set.bin", noise_pictures(kCount, kSize, 3));
    source = open_dataset(folder / "set.bin", kSize, 3);
    batch.emplace(*source, 2, placed_squares(HolePlacement::kCenter, 1));
    const int64_t numbers[] = {1, 10};
    batch->load(ctx, numbers);
    batch->paint(ctx, {"grey", [](const Batch& given, const Tensor& inpainted) {
                         for (int64_t i = 0; i < inpainted.elements(); ++i)
                           inpainted.as<float>()[i] =
                               given.holes.mask.as<uint8_t>()[i / 3] != 0
                                   ? 0
                                   : (static_cast<float>(given.pictures.as<uint8_t>()[i]) - 127.5F) / 127.5F;
                       }});
  }
  Context ctx{2};
  std::unique_ptr<PictureSet> source;
  std::optional<HoleBatch> batch;
};

}  // namespace

TEST_CASE(
    "fill files: a folder for each method, truth and masks, under equal names, all at once at the end") {
  const TemporaryFolder folder;
  Painted painted(folder);
  FillFiles files(folder / "made/fills/", kCount);
  files.add_given(painted.ctx, *painted.batch);
  files.add_painted(painted.ctx, *painted.batch, "grey");
  CHECK_FALSE(fs::exists(folder / "made/fills"));
  CHECK(fs::exists(folder / "made/fills.unfinished/grey/01.png"));
  files.commit();
  CHECK_FALSE(fs::exists(folder / "made/fills.unfinished"));
  for (const char* name : {"01.png", "10.png"}) {
    const Image truth = decode_image(folder / "made/fills/truth" / name),
                mask = decode_image(folder / "made/fills/masks" / name),
                fill = decode_image(folder / "made/fills/grey" / name);
    CHECK(mask.channels == 1);
    int missing = 0;
    for (int64_t row = 0; row < kSize; ++row)
      for (int64_t column = 0; column < kSize; ++column) {
        const bool hole = row >= 4 && row < 12 && column >= 4 && column < 12;
        missing += hole;
        CHECK(*mask.pixel(row, column) == (hole ? 255 : 0));
        for (int c = 0; c < 3; ++c)
          CHECK(fill.pixel(row, column)[c] == (hole ? 127 : truth.pixel(row, column)[c]));
      }
    CHECK(missing == 64);
  }
  const auto bytes = noise_pictures(kCount, kSize, 3);
  CHECK(std::equal(bytes.begin() + 10 * kSize * kSize * 3, bytes.end(),
                   decode_image(folder / "made/fills/truth/10.png").bytes.begin()));
}

TEST_CASE("fill files: without the end nothing is left, and what is there stays") {
  const TemporaryFolder folder;
  Painted painted(folder);
  {
    FillFiles files(folder / "fills", kCount);
    files.add_given(painted.ctx, *painted.batch);
  }
  CHECK(folder.names() == std::set<std::string>{"set.bin"});

  fs::create_directories(folder / "full");
  put_file(folder / "full/mine.png", "mine");
  CHECK(contains(error_message([&] { FillFiles(folder / "full", 1); }), "this folder is not empty"));
  fs::create_directories(folder / "half.unfinished");
  CHECK(contains(error_message([&] { FillFiles(folder / "half", 1); }),
                 "half.unfinished: fills of an evaluation that was cut off"));
  CHECK(fs::exists(folder / "half.unfinished"));
  CHECK(contains(error_message([&] { FillFiles(folder / "set.bin/fills", 1); }), "set.bin"));
  CHECK(contains(error_message([&] { FillFiles(folder / "set.bin", 1); }), "set.bin"));

  fs::create_directories(folder / "empty");
  FillFiles files(folder / "empty", kCount);
  files.add_given(painted.ctx, *painted.batch);
  files.commit();
  CHECK(fs::exists(folder / "empty/truth/01.png"));
}

TEST_CASE("fill files: names are a picture's number and name, and fit into every file system") {
  CHECK(fill_file_name(7, 4, "7") == "0007.png");
  CHECK(fill_file_name(7, 1, "70") == "7_70.png");
  CHECK(fill_file_name(12, 2, "street/3.jpeg") == "12_street_3.png");
  CHECK(fill_file_name(0, 1, "../a:b\\c\n*?\"<>|.png") == "0_.._a_b_c_______.png");
  const std::string lengthy =
      fill_file_name(3, 1, std::string(119, 'a') + "é" + std::string(300, 'b') + ".png");
  CHECK(lengthy == "3_" + std::string(119, 'a') + ".png");
}
