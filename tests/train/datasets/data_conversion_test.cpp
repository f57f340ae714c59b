#include "train/datasets/data_conversion.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/image/image_codec.h"
#include "tests/harness/error_message.h"
#include "tests/harness/fault_injection.h"
#include "tests/harness/temporary_folder.h"
#include "train/data/bin_dataset.h"
#include "train/datasets/procedural_pictures.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

constexpr int kSize = 16;

Image flat(int64_t height, int64_t width, int channels, uint8_t value) {
  Image image(height, width, channels);
  std::fill(image.bytes.begin(), image.bytes.end(), value);
  return image;
}

// `count` flat pictures of 20 x 24 pixels with the values 1, 2, 3, ...
struct Pictures {
  explicit Pictures(int count, int channels = 1) {
    fs::create_directory(folder / "pictures");
    for (int i = 1; i <= count; ++i)
      write_png(folder / fmt::format("pictures/{:04}.png", i),
                flat(20, 24, channels, static_cast<uint8_t>(i)));
  }

  ConversionOptions options() const {
    ConversionOptions o;
    o.target = {.data_root = folder / "data", .dataname = "x", .image_size = kSize};
    o.shares = {0.8, 0};
    o.seed = 4;
    return o;
  }
  ConversionReport convert(const ConversionOptions& o, int threads = 1) const {
    return convert_pictures(Context(threads), pictures_in_folder(folder / "pictures"), o);
  }
  std::string bytes(const std::string& split) const {
    return file_contents(folder / ("data/x16_" + split + ".bin"));
  }
  // The first byte of each image: which picture it is.
  std::vector<int> order(const std::string& split) const {
    const std::string all = bytes(split);
    std::vector<int> values;
    for (size_t i = 0; i < all.size(); i += kSize * kSize) values.push_back(static_cast<uint8_t>(all[i]));
    return values;
  }

  TemporaryFolder folder;
};

}  // namespace

TEST_CASE("data_conversion: every picture lands in one data set, 80 % in train, in no order") {
  const Pictures pictures(50);
  const ConversionReport report = pictures.convert(pictures.options());
  CHECK(report.pictures == 50);
  CHECK(report.skipped.empty());
  REQUIRE(report.written.size() == 2);
  CHECK(report.written[0].images == 40);
  CHECK(report.written[1].images == 10);
  CHECK(pictures.folder.names() == std::set<std::string>{"data", "pictures"});
  CHECK(std::distance(fs::directory_iterator(pictures.folder / "data"), {}) == 4);  // with descriptions

  std::vector<int> train = pictures.order("train"), test = pictures.order("test");
  CHECK(train.size() == 40);
  CHECK(test.size() == 10);
  CHECK(!std::is_sorted(train.begin(), train.end()));
  CHECK(!std::is_sorted(test.begin(), test.end()));
  CHECK(*std::min_element(test.begin(), test.end()) < 41);  // not simply the last ones
  std::multiset<int> all(train.begin(), train.end());
  all.insert(test.begin(), test.end());
  CHECK(std::set<int>(all.begin(), all.end()).size() == 50);
  CHECK(*all.begin() == 1);
  CHECK(*all.rbegin() == 50);
}

TEST_CASE("data_conversion: a tenth of the pictures is to validate with, unless other shares are asked for") {
  const Pictures pictures(50);
  ConversionOptions options = pictures.options();
  options.shares = ConversionOptions().shares;
  const ConversionReport report = pictures.convert(options);
  REQUIRE(report.written.size() == 3);
  CHECK(report.written[0].images == 40);
  CHECK(report.written[1].split == Split::kValidate);
  CHECK(report.written[1].images == 5);
  CHECK(report.written[2].images == 5);
}

TEST_CASE("data_conversion: pictures that are equal or look alike stay in one data set, and are named") {
  const Pictures pictures(0);
  const fs::path from = pictures.folder / "pictures";
  // 30 different pictures, each four times: as it is, as another kind of file, halved, brightened.
  constexpr int kDifferent = 30;
  const auto put = [&](const char* kind, int number, const Image& image) {
    write_png(from / fmt::format("{}{:02}.png", kind, number), image);
  };
  for (int i = 0; i < kDifferent; ++i) {
    const Image picture = procedural_picture(5, i, 64, 3);
    put("a", i, picture);
    const std::vector<uint8_t> pnm = encode_pnm(picture);
    put_file(from / fmt::format("b{:02}.ppm", i), {pnm.begin(), pnm.end()});
    put("c", i, resize(picture, 32, 32));
    Image brighter = picture;
    for (uint8_t& value : brighter.bytes) value = static_cast<uint8_t>(std::min(255, value * 11 / 10));
    put("d", i, brighter);
  }
  ConversionOptions options = pictures.options();
  options.shares = {0.5, 0.3};
  options.target.image_channel = 3;
  const ConversionReport report = pictures.convert(options);
  CHECK(report.pictures == 4 * kDifferent);
  CHECK(report.equal == kDifferent);
  CHECK(report.alike == 2 * kDifferent);
  CHECK(report.torn_groups == 0);
  REQUIRE(report.written.size() == 3);
  CHECK(report.written[0].images == 4 * 15);
  CHECK(report.written[1].images == 4 * 9);
  CHECK(report.written[2].images == 4 * 6);
  // What is equal or was scaled down before is nearly the same image of the set: no two of them in two sets.
  constexpr size_t kImageBytes = kSize * kSize * 3;
  const auto image_of = [](const Image& picture) { return resize(picture, kSize, kSize); };
  for (int i = 0; i < kDifferent; ++i) {
    const Image own = image_of(procedural_picture(5, i, 64, 3));
    int sets = 0;
    for (const std::string split : {"train", "validate", "test"}) {
      const std::string all = pictures.bytes(split);
      int near = 0;
      for (size_t at = 0; at < all.size(); at += kImageBytes) {
        int64_t difference = 0;
        for (size_t k = 0; k < kImageBytes; ++k)
          difference += std::abs(int{static_cast<uint8_t>(all[at + k])} - int{own.bytes[k]});
        near += difference < static_cast<int64_t>(4 * kImageBytes);
      }
      sets += near > 0;
      if (near > 0) CHECK(near >= 3);
    }
    CHECK(sets == 1);
  }
  CHECK(report.duplicates_file == pictures.folder / "data/x16_duplicates.txt");
  const std::string text = file_contents(report.duplicates_file);
  CHECK(contains(
      text, fmt::format("{0}/a07.png\n  equal: {0}/b07.ppm\n  alike: {0}/c07.png\n  alike: {0}/d07.png\n",
                        from.string())));
  CHECK(std::count(text.begin(), text.end(), '\n') == 4 * kDifferent);
}

TEST_CASE("data_conversion: lists may part equal pictures, which is said") {
  const Pictures pictures(0);
  const fs::path from = pictures.folder / "pictures";
  for (const char* name : {"a.png", "b.png", "c.png"})
    write_png(from / name, procedural_picture(5, 1, 64, 3));
  for (const char* name : {"d.png", "e.png"}) write_png(from / name, procedural_picture(5, 2, 64, 3));
  put_file(pictures.folder / "t.txt", "a.png\nd.png\ne.png\n");
  put_file(pictures.folder / "v.txt", "c.png\nb.png\n");
  const ConversionReport report = convert_pictures(
      Context(1),
      pictures_in_lists(
          from, {{pictures.folder / "t.txt", Split::kTrain}, {pictures.folder / "v.txt", Split::kValidate}}),
      pictures.options());
  CHECK(report.written[0].images == 3);
  CHECK(report.written[1].images == 2);
  CHECK(report.equal == 3);
  CHECK(report.torn_groups == 1);
}

TEST_CASE("data_conversion: transparent pictures are counted, and laid over black") {
  const Pictures pictures(0);
  Image alpha = flat(20, 24, 1, 255);
  const auto put = [&](const char* name) {
    const std::vector<uint8_t> png = encode_png(flat(20, 24, 1, 200), alpha);
    put_file(pictures.folder / (std::string("pictures/") + name), {png.begin(), png.end()});
  };
  put("opaque.png");
  alpha.bytes.back() = 254;
  put("one_pixel.png");
  std::fill(alpha.bytes.begin(), alpha.bytes.end(), uint8_t{51});
  put("all.png");
  ConversionOptions options = pictures.options();
  options.shares = {1, 0};
  CHECK(pictures.convert(options).transparent == 2);
  std::vector<int> values = pictures.order("train");
  std::sort(values.begin(), values.end());
  CHECK(values == std::vector<int>{40, 200, 200});
}

TEST_CASE("data_conversion: the seed decides, threads do not") {
  const Pictures pictures(30, 3);
  ConversionOptions options = pictures.options();
  options.target.force = true;
  options.shares = {0.6, 0.2};
  options.random_crops = 3;
  std::map<std::string, std::string> first;
  const auto run = [&](uint64_t seed, int threads) {
    options.seed = seed;
    pictures.convert(options, threads);
    std::map<std::string, std::string> files;
    for (const std::string split : {"train", "validate", "test"}) files[split] = pictures.bytes(split);
    return files;
  };
  first = run(7, 1);
  CHECK(first["train"].size() == 18 * 3 * kSize * kSize);
  CHECK(first["validate"].size() == 6 * 3 * kSize * kSize);
  CHECK(run(7, 1) == first);
  CHECK(run(7, 3) == first);
  CHECK(run(8, 1) != first);
}

TEST_CASE("data_conversion: all crops of a picture go to one data set, not side by side") {
  const Pictures pictures(20);
  ConversionOptions options = pictures.options();
  options.random_crops = 5;
  pictures.convert(options);
  const auto train = pictures.order("train"), test = pictures.order("test");
  CHECK(train.size() == 16 * 5);
  CHECK(test.size() == 4 * 5);
  std::map<int, int> in_train;
  for (const int picture : train) ++in_train[picture];
  for (const auto& [picture, images] : in_train) CHECK(images == 5);
  for (const int picture : test) CHECK(in_train.count(picture) == 0);
  int neighbours = 0;
  for (size_t i = 1; i < train.size(); ++i) neighbours += train[i] == train[i - 1];
  CHECK(neighbours < 16);  // 64 when crops stay together, about 4 in random order
}

TEST_CASE("data_conversion: the centre square, scaled, in the channels asked for") {
  Image picture(32, 64, 3);  // two grey ramps; the middle square is columns 16 to 47
  for (int64_t row = 0; row < 32; ++row)
    for (int64_t column = 0; column < 64; ++column)
      for (int c = 0; c < 3; ++c) picture.pixel(row, column)[c] = static_cast<uint8_t>(3 * column + row + c);
  ConversionOptions options;
  options.target.image_size = kSize;
  options.target.image_channel = 3;
  CHECK(crops_of(picture, "p", 0, options) == resize(centre_square(picture), kSize, kSize).bytes);
  options.target.image_channel = 1;
  const auto grey = crops_of(picture, "p", 0, options);
  CHECK(grey == with_channels(resize(centre_square(picture), kSize, kSize), 1).bytes);
  CHECK(grey.size() == kSize * kSize);
}

TEST_CASE("data_conversion: random crops keep to their sizes and reach all of the picture") {
  // The value says where a crop comes from: rows step by 2, columns by 1.
  Image picture(40, 100, 1);
  for (int64_t row = 0; row < 40; ++row)
    for (int64_t column = 0; column < 100; ++column)
      *picture.pixel(row, column) = static_cast<uint8_t>(2 * row + column);
  ConversionOptions options;
  options.target.image_size = kSize;
  options.random_crops = 400;
  const auto spread = [&](double smallest) {
    options.smallest_crop = smallest;
    const auto images = crops_of(picture, "p", 0, options);
    REQUIRE(images.size() == 400 * kSize * kSize);
    double least = 1e9, most = 0;  // of the sides, from the ramp across the middle of a crop's top row
    std::set<int> corners;
    for (size_t i = 0; i < 400; ++i) {
      const uint8_t* image = images.data() + i * kSize * kSize;
      const double side = (image[12] - image[3]) / 9.0 * kSize;
      least = std::min(least, side);
      most = std::max(most, side);
      corners.insert(image[0]);
    }
    CHECK(corners.size() > 40);
    return std::pair{least, most};
  };
  const auto half = spread(0.5);
  CHECK(half.first == doctest::Approx(20).epsilon(0.15));
  CHECK(half.second == doctest::Approx(40).epsilon(0.1));
  CHECK(spread(1).first == doctest::Approx(40).epsilon(0.1));
  CHECK(spread(0.01).first == doctest::Approx(16).epsilon(0.15));  // never scaled up

  options.random_crops = 2;
  CHECK(crops_of(picture, "p", 0, options) != crops_of(picture, "p", 1, options));
  options.random_crops = 400;
  const auto many = crops_of(picture, "p", 0, options);
  options.random_crops = 1;
  CHECK(crops_of(picture, "p", 0, options) ==
        std::vector<uint8_t>(many.begin(), many.begin() + kSize * kSize));  // more crops, the same first
}

TEST_CASE("data_conversion: every picture is cropped at places of its own") {
  const Pictures pictures(0);
  Image slope(40, 100, 1);
  for (size_t i = 0; i < slope.bytes.size(); ++i) slope.bytes[i] = static_cast<uint8_t>(i % 100 + i / 50);
  constexpr int kPictures = 130;
  for (int i = 0; i < kPictures; ++i)
    write_png(pictures.folder / fmt::format("pictures/{:04}.png", i), slope);
  ConversionOptions options = pictures.options();
  options.random_crops = 1;
  options.shares = {1, 0};
  pictures.convert(options);
  const std::string all = pictures.bytes("train");
  std::set<std::string> different;
  for (size_t i = 0; i < kPictures; ++i) different.insert(all.substr(i * kSize * kSize, kSize * kSize));
  CHECK(different.size() > 110);
}

TEST_CASE("data_conversion: what cannot be used is skipped with its reason, the rest goes on") {
  const Pictures pictures(6);
  const fs::path from = pictures.folder / "pictures";
  put_file(from / "0000_notes.txt", "not a picture");
  write_png(from / "0002_small.png", flat(15, 200, 1, 99));
  const std::string whole = file_contents(from / "0001.png");
  put_file(from / "0003_cut.png", whole.substr(0, whole.size() / 2));
  put_file(from / "0009_empty.jpg", "");
  const ConversionReport report = pictures.convert(pictures.options());
  CHECK(report.pictures == 6);
  REQUIRE(report.skipped.size() == 4);
  const auto skipped = [&](size_t i, const std::string& name, const std::string& why) {
    CHECK(report.skipped[i].starts_with((from / name).string() + ": "));
    CHECK(contains(report.skipped[i], why));
  };
  skipped(0, "0000_notes.txt", "not a PNG");
  skipped(1, "0002_small.png", "200 x 15 pixels are too few for image_size 16");
  skipped(2, "0003_cut.png", "damaged PNG");
  skipped(3, "0009_empty.jpg", "empty");
  // Every one of them is named in a file, and their kinds are counted.
  const std::map<std::string, int64_t> kinds = {{"not a PNG, JPEG, WebP, HEIF, PGM or PPM picture", 1},
                                                {"N x N pixels are too few for image_size N", 1},
                                                {"damaged PNG", 1},
                                                {"the file is empty", 1}};
  CHECK(report.reasons == kinds);
  CHECK(report.skipped_file == pictures.folder / "data/x16_skipped.txt");
  std::string lines;
  for (const std::string& line : report.skipped) lines += line + "\n";
  CHECK(file_contents(report.skipped_file) == lines);
  auto all = pictures.order("train");
  const auto test = pictures.order("test");
  all.insert(all.end(), test.begin(), test.end());
  std::sort(all.begin(), all.end());
  CHECK(all == std::vector<int>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("data_conversion: lists decide where pictures go, and others stay out") {
  const Pictures pictures(80);
  const TemporaryFolder& folder = pictures.folder;
  std::string train_list;
  std::set<int> in_train_list;
  for (int i = 1; i <= 70; ++i) {
    train_list += fmt::format("{:04}.png\n", i);
    in_train_list.insert(i);
  }
  put_file(folder / "t.txt", train_list);
  put_file(folder / "v.txt", "0077.png\n");
  const auto sources = pictures_in_lists(
      folder / "pictures", {{folder / "t.txt", Split::kTrain}, {folder / "v.txt", Split::kValidate}});
  // Test files are not part of it, so one that exists is in nobody's way.
  fs::create_directory(folder / "data");
  put_file(folder / "data/x16_test.bin", "old");
  convert_pictures(Context(1), sources, pictures.options());
  const auto train = pictures.order("train");
  CHECK(train.size() == 70);
  CHECK(std::set<int>(train.begin(), train.end()) == in_train_list);
  CHECK(pictures.order("validate") == std::vector<int>{77});
  CHECK(pictures.bytes("test") == "old");
}

TEST_CASE("data_conversion: files that exist stay unless forced, whatever else is wrong") {
  const Pictures pictures(5);
  fs::create_directory(pictures.folder / "data");
  put_file(pictures.folder / "data/x16_test.bin", "old");
  CHECK(contains(error_message([&] { pictures.convert(pictures.options()); }), "exists already"));
  CHECK(pictures.bytes("test") == "old");
  CHECK(!fs::exists(pictures.folder / "data/x16_train.bin"));

  ConversionOptions forced = pictures.options();
  forced.target.force = true;
  forced.target.image_size = 512;  // more than the pictures have
  put_file(pictures.folder / "data/x512_train.bin", "old");
  const std::string message = error_message([&] { pictures.convert(forced); });
  CHECK(contains(message, "none of 5 files could be used"));
  CHECK(contains(message, "too few for image_size 512"));
  CHECK(file_contents(pictures.folder / "data/x512_train.bin") == "old");
  CHECK(std::distance(fs::directory_iterator(pictures.folder / "data"), {}) == 2);

  forced.target.image_size = kSize;
  pictures.convert(forced);
  CHECK(pictures.bytes("test").size() == kSize * kSize);
}

TEST_CASE("data_conversion: an empty folder") {
  const Pictures pictures(0);
  CHECK(contains(error_message([&] { pictures.convert(pictures.options()); }), "none of 0 files"));
  CHECK_FALSE(fs::exists(pictures.folder / "data"));
}

TEST_CASE("data_conversion: a disk that fails at any call leaves no half data set and no other file") {
  const Pictures pictures(4);
  fs::create_directory(pictures.folder / "data");
  int nth = 1;
  for (bool failed = true; failed; ++nth) {
    REQUIRE(nth < 500);
    failed = false;
    try {
      const faults::Injection fault(faults::Injection::What::kFailAlways, nth, ENOSPC);
      pictures.convert(pictures.options());
    } catch (const UserError&) {
      failed = true;
    }
    for (const auto& entry : fs::directory_iterator(pictures.folder / "data")) {
      // What is there is whole: a data set that was put in place before the disk failed.
      CHECK(entry.file_size() > 0);
      if (entry.path().extension() == ".json") {
        CHECK_NOTHROW(BinDataset(fs::path(entry.path()).replace_extension("bin"), kSize, 1));
        continue;
      }
      CHECK(entry.path().extension() == ".bin");
      CHECK(entry.file_size() % (kSize * kSize) == 0);
    }
    if (failed)
      for (const auto& entry : fs::directory_iterator(pictures.folder / "data")) fs::remove(entry.path());
  }
  CHECK(nth > 10);
  CHECK(pictures.bytes("train").size() == 3 * kSize * kSize);
}

TEST_CASE("data_conversion: options out of range are refused by name") {
  const Pictures pictures(1);
  const auto refused = [&](auto&& change) {
    ConversionOptions options = pictures.options();
    change(options);
    const std::string message = error_message([&] { pictures.convert(options); });
    CHECK(!fs::exists(pictures.folder / "data"));
    return message;
  };
  CHECK(contains(refused([](ConversionOptions& o) { o.random_crops = -1; }), "random_crops: -1"));
  CHECK(contains(refused([](ConversionOptions& o) { o.random_crops = 1001; }), "random_crops: 1001"));
  CHECK(contains(refused([](ConversionOptions& o) { o.smallest_crop = 0; }), "smallest_crop: 0"));
  CHECK(contains(refused([](ConversionOptions& o) { o.smallest_crop = 1.5; }), "smallest_crop: 1.5"));
  CHECK(contains(refused([](ConversionOptions& o) { o.smallest_crop = 0.0 / 0.0; }), "smallest_crop: "));
  CHECK(contains(refused([](ConversionOptions& o) { o.target.image_size = 3; }), "image_size: 3"));
  CHECK(contains(refused([](ConversionOptions& o) { o.shares.train = 2; }), "train_share: 2"));
}
