#include "train/run/training_pictures.h"

#include <doctest/doctest.h>

#include <set>

#include "core/image/image_codec.h"
#include "tests/harness/error_message.h"
#include "tests/train/data/noise_pictures.h"
#include "train/data/batch_loader.h"
#include "train/datasets/data_conversion.h"
#include "train/settings/folders.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

constexpr int64_t kPictures = 13;

// Pictures of 64 to 200 pixels, grey and RGB, and what lies about in folders.
struct Folder {
  Folder() {
    fs::create_directories(path / "sub");
    for (int64_t i = 0; i < kPictures; ++i)
      write_png(path / fmt::format("{}{:02}.png", i % 2 == 0 ? "" : "sub/", i),
                noise_image(64 + 11 * i, 200 - 9 * i, i % 3 == 0 ? 1 : 3, static_cast<uint64_t>(i)));
    put_file(path / "README", "no picture");
    write_png(path / "tiny.png", noise_image(63, 300, 3));
  }
  TrainSettings settings() const {
    TrainSettings s;
    s.dataname = "x";
    s.image_size = 64;
    s.image_channel = 3;
    s.data_root = folder / "data";
    s.data_dir = path;
    return s;
  }
  TemporaryFolder folder;
  fs::path path = folder / "pictures";
};

struct Opened {
  TrainingPictures pictures;
  std::vector<std::string> said;
};

Opened open(const TrainSettings& settings, int threads = 3) {
  Opened opened;
  opened.pictures = open_training_pictures(settings, Context(threads),
                                           [&](const std::string& line) { opened.said.push_back(line); });
  return opened;
}

// Batches from `start` up to `end`, counted from the run's first.
std::vector<std::vector<uint8_t>> batches(const TrainSettings& s, int64_t start, int64_t end, int workers) {
  const Opened opened = open(s);
  BatchLoader loader(*opened.pictures.set, {.batch_size = 4,
                                            .shuffle = s.shuffle,
                                            .augmentation = {s.flip, s.random_crop},
                                            .seed = 5,
                                            .first_epoch = start / 3,
                                            .first_batch = start % 3,
                                            .workers = workers});
  std::vector<std::vector<uint8_t>> all;
  for (int64_t i = start; i < end; ++i) {
    const LoadedBatch& batch = loader.next();
    all.emplace_back(batch.pixels.as<uint8_t>(), batch.pixels.as<uint8_t>() + batch.pixels.bytes());
  }
  return all;
}

}  // namespace

TEST_CASE(
    "training pictures: a folder's pictures are those of the data conversion, in the order of their paths") {
  const Folder folder;
  ConversionOptions options;
  options.target = {.image_size = 64, .image_channel = 3};
  for (const bool cached : {false, true}) {
    TrainSettings s = folder.settings();
    s.data_cache = cached;
    const auto [pictures, said] = open(s);
    REQUIRE(pictures.set->count() == kPictures);
    CHECK(pictures.set->path() == folder.path);
    std::vector<fs::path> paths;
    for (const PictureFile& file : pictures_in_folder(folder.path))
      if (file.path.filename() != "README" && file.path.filename() != "tiny.png") paths.push_back(file.path);
    for (int64_t i = 0; i < kPictures; ++i) {
      const fs::path path = paths[static_cast<size_t>(i)];
      std::vector<uint8_t> pixels(64 * 64 * 3);
      CHECK(pictures.set->read(i, pixels.data()).empty());
      CHECK(pixels == crops_of(decode_image(path), "", 0, options));
      CHECK(folder.path / pictures.set->name(i) == path);
    }
    REQUIRE(said.size() == (cached ? 2 : 1));
    CHECK(contains(said.back(), "note: 2 of the files"));
    CHECK(contains(said.back(), "README: not a PNG"));
    if (cached) CHECK(contains(said[0], "x64_train.cache: there is none yet"));
    CHECK(fs::exists(folder.folder / "data/x64_train.cache") == cached);
  }
  CHECK(open([&] {
          TrainSettings s = folder.settings();
          s.data_cache = true;
          return s;
        }())
            .said.empty());  // it is there now
}

TEST_CASE(
    "training pictures: augmented batches, the same with and without cache, for any workers, from any "
    "start") {
  const Folder folder;
  for (const bool shuffled : {false, true}) {
    TrainSettings s = folder.settings();
    s.flip = s.random_crop = true;
    s.shuffle = shuffled;
    const auto whole = batches(s, 0, 9, 1);
    for (size_t i = 0; i < 9; ++i)
      for (size_t k = 0; k < i; ++k) CHECK(whole[i] != whole[k]);  // no epoch repeats another
    for (const bool cached : {false, true}) {
      s.data_cache = cached;
      for (const int workers : {1, 2, 3, 8}) CHECK(batches(s, 0, 9, workers) == whole);
      for (int64_t start = 1; start < 9; ++start)
        CHECK(batches(s, start, 9, 2) == std::vector(whole.begin() + start, whole.end()));
    }
    s.random_crop = false;
    CHECK(batches(s, 0, 3, 2) != std::vector(whole.begin(), whole.begin() + 3));
  }
}

TEST_CASE("training pictures: random crops are squares of the scaled picture, flips come after") {
  const Folder folder;
  TrainSettings s = folder.settings();
  s.random_crop = true;
  for (const bool flip : {false, true}) {
    s.flip = flip;
    const auto batch = batches(s, 3, 4, 2).front();  // epoch 1, pictures 0 to 3
    const auto files = pictures_in_folder(folder.path);
    for (int64_t i = 0; i < 4; ++i) {
      const Image scaled = scaled_for_squares(decode_image(files[static_cast<size_t>(i)].path), 64, 3);
      Image expected = square_image(scaled, random_square(5, 1, i, scaled.height, scaled.width, 64), 64, 3);
      if (flip && is_flipped(5, 1, i)) mirror(expected.bytes.data(), 64, 3);
      CHECK(std::equal(expected.bytes.begin(), expected.bytes.end(), batch.begin() + i * 64 * 64 * 3));
    }
  }
}

TEST_CASE("training pictures: a cache is made anew when the folder has changed") {
  const Folder folder;
  TrainSettings s = folder.settings();
  s.data_cache = true;
  open(s);
  write_png(folder.path / "another.png", noise_image(70, 70, 3));
  const auto [pictures, said] = open(s);
  CHECK(pictures.set->count() == kPictures + 1);
  CHECK(contains(said.at(0), "the folder or the settings have changed"));
}

TEST_CASE(
    "training pictures: a share is held out, the same with a cache, and stays when pictures are added") {
  const Folder folder;
  TrainSettings s = folder.settings();
  CHECK(open(s).pictures.held_out == nullptr);
  s.validate_share = 0.3;
  const auto names = [](const PictureSet& set) {
    std::set<std::string> all;
    for (int64_t i = 0; i < set.count(); ++i) all.insert(set.name(i));
    return all;
  };
  std::set<std::string> trained, held_out;
  for (const bool cached : {false, true}) {
    s.data_cache = cached;
    s.random_crop = cached;
    const auto [pictures, said] = open(s);
    REQUIRE(pictures.held_out != nullptr);
    trained = names(*pictures.set);
    held_out = names(*pictures.held_out);
    CHECK(trained.size() + held_out.size() == kPictures);
    CHECK(!held_out.empty());
    for (const std::string& name : held_out) CHECK_FALSE(trained.contains(name));
    std::vector<uint8_t> pixels(64 * 64 * 3), whole(64 * 64 * 3);
    REQUIRE(pictures.held_out->read(0, pixels.data()).empty());
    const Image picture = decode_image(folder.path / pictures.held_out->name(0));
    CHECK(pixels == centre_image(picture, 64, 3).bytes);
  }
  CHECK(fs::exists(cache_file(s, Split::kValidate)));
  for (int i = 20; i < 40; ++i) write_png(folder.path / fmt::format("{}.png", i), noise_image(70, 70, 3));
  const auto more = open(s);
  for (const std::string& name : held_out) CHECK(names(*more.pictures.held_out).contains(name));
  for (const std::string& name : trained) CHECK(names(*more.pictures.set).contains(name));
  const auto validated = open_validation_pictures(s, Split::kValidate, Context(1), [](const std::string&) {});
  CHECK(names(*validated.set) == names(*more.pictures.held_out));

  fs::create_directory(folder.folder / "one");
  write_png(folder.folder / "one/a.png", noise_image(70, 70, 3));
  s.data_dir = folder.folder / "one";
  CHECK(contains(error_message([&] { open(s); }),
                 "a single picture, and validate_share=0.3 would hold one out"));
}

TEST_CASE("training pictures: workers") {
  const Folder folder;
  TrainSettings s = folder.settings();
  CHECK(open(s, 3).pictures.workers == 3);
  s.data_cache = true;
  CHECK(open(s, 3).pictures.workers == 1);
  s.random_crop = true;
  CHECK(open(s, 3).pictures.workers == 3);
  s.loader_threads = 7;
  CHECK(open(s, 3).pictures.workers == 7);
}

TEST_CASE("training pictures: bad folders and files are told with what, where and how") {
  const Folder folder;
  TrainSettings s = folder.settings();
  s.data_dir = folder.folder / "missing";
  CHECK(contains(error_message([&] { open(s); }), "missing: there is no such folder"));
  fs::create_directory(folder.folder / "empty");
  s.data_dir = folder.folder / "empty";
  CHECK(contains(error_message([&] { open(s); }), "there is no file in this folder"));
  put_file(folder.folder / "empty/x.txt", "x");
  for (const bool cached : {false, true}) {
    s.data_cache = cached;
    const std::string message = error_message([&] { open(s); });
    CHECK(contains(message, "none of 1 files c"));
    CHECK(contains(message, "x.txt: not a PNG"));
  }

  // Whole at its head, damaged behind: found when it is read, and then named.
  s = folder.settings();
  const std::string whole = file_contents(folder.path / "04.png");
  put_file(folder.path / "04.png", whole.substr(0, whole.size() / 2));
  CHECK_NOTHROW(batches(s, 0, 3, 2));
  s.data_cache = true;
  CHECK(open(s).pictures.set->count() == kPictures - 1);
}
