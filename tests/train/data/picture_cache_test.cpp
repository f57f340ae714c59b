#include "train/data/picture_cache.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "core/image/image_codec.h"
#include "tests/harness/error_message.h"
#include "tests/harness/fault_injection.h"
#include "tests/train/data/noise_pictures.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

constexpr int64_t kSide = 16;

// Five pictures of several sizes and kinds, and two files that are of no use.
struct Folder {
  Folder() {
    fs::create_directories(path / "deep");
    write_png(path / "a.png", noise_image(20, 30, 3, 1));
    write_png(path / "b.png", noise_image(16, 16, 1, 2));
    put_file(path / "c.txt", "no picture");
    write_png(path / "deep/d.png", noise_image(80, 50, 3, 3));
    write_png(path / "e.png", noise_image(15, 40, 3, 4));
    write_png(path / "f.png", noise_image(33, 32, 3, 5));
    write_png(path / "g.png", noise_image(40, 16, 3, 6));
  }
  CacheSource source(bool for_squares, int channels = 3) const {
    return {.folder = path,
            .files = pictures_in_folder(path),
            .image_size = kSide,
            .image_channel = channels,
            .for_squares = for_squares};
  }
  TemporaryFolder folder;
  fs::path path = folder / "pictures", cache = folder / "data/x.cache";
};

CacheReport write(const Folder& folder, const CacheSource& source, int threads = 2) {
  return write_picture_cache(Context(threads), folder.cache, source, describe(source));
}

std::unique_ptr<PictureSet> open(const Folder& folder, const CacheSource& source,
                                 std::string* why_not = nullptr) {
  std::string why;
  auto set = open_picture_cache(folder.cache, source, describe(source), why);
  CHECK(why.empty() == (set != nullptr));
  if (why_not != nullptr) *why_not = why;
  return set;
}

}  // namespace

TEST_CASE("picture cache: it gives what decoding the files gives, bit for bit") {
  const Folder folder;
  for (const int channels : {1, 3}) {
    for (const bool for_squares : {false, true}) {
      const CacheSource source = folder.source(for_squares, channels);
      const CacheReport report = write(folder, source);
      CHECK(report.pictures == 5);
      REQUIRE(report.skipped.size() == 2);
      CHECK(contains(report.skipped[0], "c.txt: not a PNG"));
      CHECK(contains(report.skipped[1], "e.png: 40 x 15 pixels are too few"));
      const auto cached = open(folder, source);
      REQUIRE(cached != nullptr);
      const auto decoded = open_files(folder.path, source.files, kSide, channels);
      REQUIRE(cached->count() == 5);
      int64_t file = -1;
      for (int64_t i = 0; i < 5; ++i) {
        const auto bytes = static_cast<size_t>(kSide * kSide * channels);
        std::vector<uint8_t> a(bytes), b(bytes);
        do ++file;
        while (!decoded->read(file, b.data()).empty());
        CHECK(cached->name(i) == decoded->name(file));
        if (!for_squares) {
          CHECK(cached->read(i, a.data()).empty());
          CHECK(a == b);
          continue;
        }
        Square chosen;
        const auto choose = [&](int64_t height, int64_t width) {
          chosen = {height - 17 > 0 ? 1 : 0, width - 16, 16};
          return chosen;
        };
        CHECK(cached->read_square(i, choose, a.data()).empty());
        const Square first = chosen;
        CHECK(decoded->read_square(file, choose, b.data()).empty());
        CHECK(first == chosen);
        CHECK(a == b);
      }
    }
  }
}

TEST_CASE("picture cache: the same bytes for any number of threads") {
  const Folder folder;
  const CacheSource source = folder.source(true);
  write(folder, source, 1);
  const std::string one = file_contents(folder.cache);
  for (const int threads : {2, 3, 8}) {
    write(folder, source, threads);
    CHECK(file_contents(folder.cache) == one);
  }
}

TEST_CASE("picture cache: another folder, file, time, size or setting, and it is not opened") {
  const Folder folder;
  const CacheSource source = folder.source(false);
  write(folder, source);
  REQUIRE(open(folder, source) != nullptr);
  const auto refused = [&](const CacheSource& other) {
    std::string why;
    CHECK(open(folder, other, &why) == nullptr);
    CHECK(contains(why, "have changed"));
  };
  refused(folder.source(true));
  refused(folder.source(false, 1));
  CacheSource smaller = source;
  smaller.image_size = 8;
  refused(smaller);

  const fs::path file = folder.path / "a.png";
  const auto time = fs::last_write_time(file);
  fs::last_write_time(file, time + std::chrono::seconds(1));
  refused(folder.source(false));
  fs::last_write_time(file, time);
  CHECK(open(folder, folder.source(false)) != nullptr);

  put_file(folder.path / "new.txt", "");
  refused(folder.source(false));
  fs::remove(folder.path / "new.txt");
  fs::rename(file, folder.path / "a2.png");
  refused(folder.source(false));
  fs::rename(folder.path / "a2.png", file);
  CHECK(open(folder, folder.source(false)) != nullptr);
  const std::string contents = file_contents(file);
  put_file(file, contents + "x");
  fs::last_write_time(file, time);
  refused(folder.source(false));
}

TEST_CASE("picture cache: none, and damage of any kind, is told and not read") {
  const Folder folder;
  const CacheSource source = folder.source(false);
  std::string why;
  CHECK(open(folder, source, &why) == nullptr);
  CHECK(why == "there is none yet");
  write(folder, source);
  const std::string whole = file_contents(folder.cache);
  for (size_t length = 0; length < whole.size(); length += length < whole.size() - 900 ? 97 : 1) {
    put_file(folder.cache, whole.substr(0, length));
    CHECK(open(folder, source, &why) == nullptr);
  }
  const size_t pixels = 5 * kSide * kSide * 3;  // all behind them says what they are
  for (size_t at = pixels; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    put_file(folder.cache, damaged);
    CHECK(open(folder, source, &why) == nullptr);
  }
  put_file(folder.cache, "x" + whole);  // every offset off by one
  CHECK(open(folder, source, &why) == nullptr);
  put_file(folder.cache, whole);
  const auto set = open(folder, source);
  REQUIRE(set != nullptr);
  fs::resize_file(folder.cache, 10);
  std::vector<uint8_t> pixel_bytes(kSide * kSide * 3);
  CHECK(contains(error_message([&] { return set->read(0, pixel_bytes.data()); }), "shrank"));
}

TEST_CASE("picture cache: a disk that fails at any call leaves the old cache or none") {
  const Folder folder;
  const CacheSource old = folder.source(true), source = folder.source(false);
  write(folder, old);
  const std::string before = file_contents(folder.cache);
  int nth = 1;
  for (bool failed = true; failed; ++nth) {
    REQUIRE(nth < 500);
    failed = false;
    try {
      const faults::Injection fault(faults::Injection::What::kFailAlways, nth, ENOSPC);
      write(folder, source, 1);
    } catch (const UserError&) {
      failed = true;
    }
    CHECK(std::distance(fs::directory_iterator(folder.cache.parent_path()), {}) == 1);
    if (failed && file_contents(folder.cache) != before) {
      CHECK(open(folder, source) != nullptr);  // in place, and only then something failed
      write(folder, old);
    }
  }
  CHECK(nth > 5);
  CHECK(open(folder, source) != nullptr);
}

TEST_CASE("picture cache: nothing to keep is an error, and leaves nothing") {
  const Folder folder;
  CacheSource source = folder.source(false);
  source.image_size = 64;
  CHECK(
      contains(error_message([&] { write(folder, source); }), "none of 7 files could be used; the first: "));
  CHECK_FALSE(fs::exists(folder.cache.parent_path()));
}
