#include "train/data/batch_loader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/philox.h"
#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"
#include "tests/train/data/noise_pictures.h"
#include "train/data/shuffle.h"

using namespace inpaint;

namespace {

constexpr int64_t kSize = 4, kImageBytes = kSize * kSize * 3;

// Image i holds the bytes i, i + 1, i + 2, ...
struct Numbered {
  explicit Numbered(int64_t count) {
    std::string contents;
    for (int64_t i = 0; i < count; ++i)
      for (int64_t k = 0; k < kImageBytes; ++k) contents += static_cast<char>(i + k);
    put_file(folder / "x.bin", contents);
  }
  TemporaryFolder folder;
  std::unique_ptr<PictureSet> open() const { return open_pictures(folder / "x.bin", kSize, 3); }
};

// Pictures that take their time, each another one, so that workers overtake each other; some of them fail.
class SlowPictures final : public PictureSet {
 public:
  explicit SlowPictures(int64_t count, std::set<int64_t> bad = {})
      : PictureSet("slow", kSize, 3), count_(count), bad_(std::move(bad)) {}
  int64_t count() const override { return count_; }
  std::string name(int64_t index) const override { return std::to_string(index); }
  std::string read(int64_t index, uint8_t* pixels) const override {
    const int now = ++reading_;
    for (int most = most_; now > most && !most_.compare_exchange_weak(most, now);) continue;
    std::this_thread::sleep_for(std::chrono::microseconds(50 * ((count_ - index) % 7)));
    --reading_;
    if (bad_.count(index) != 0) return "picture " + std::to_string(index) + " is bad";
    for (int64_t k = 0; k < kImageBytes; ++k) pixels[k] = static_cast<uint8_t>(index + k);
    return {};
  }
  int most_at_once() const { return most_; }

 private:
  int64_t count_;
  std::set<int64_t> bad_;
  mutable std::atomic<int> reading_ = 0, most_ = 0;
};

bool holds_its_images(const LoadedBatch& batch) {
  const uint8_t* bytes = batch.pixels.as<uint8_t>();
  for (const int64_t image : batch.images)
    for (int64_t k = 0; k < kImageBytes; ++k)
      if (*bytes++ != static_cast<uint8_t>(image + k)) return false;
  return true;
}

}  // namespace

TEST_CASE("batch_loader: file order, the incomplete batch dropped, over and over") {
  const Numbered numbered(11);
  const auto dataset = numbered.open();
  BatchLoader loader(*dataset, {.batch_size = 3});
  CHECK(loader.batches_per_epoch() == 3);
  for (int64_t epoch = 0; epoch < 4; ++epoch) {
    for (int64_t index = 0; index < 3; ++index) {
      const LoadedBatch& batch = loader.next();
      CHECK(batch.epoch == epoch);
      CHECK(batch.index == index);
      CHECK(batch.pixels.shape == Shape{3, kSize, kSize, 3});
      CHECK(batch.pixels.dtype == DType::kU8);
      CHECK(batch.images == std::vector<int64_t>{3 * index, 3 * index + 1, 3 * index + 2});
      CHECK(holds_its_images(batch));
    }
  }
}

TEST_CASE("batch_loader: shuffled, every epoch in its own order") {
  const Numbered numbered(50);
  const auto dataset = numbered.open();
  BatchLoader loader(*dataset, {.batch_size = 8, .shuffle = true, .seed = 9, .first_epoch = 5});
  for (int64_t epoch = 5; epoch < 8; ++epoch) {
    const auto order = shuffled_order(9, epoch, 50);
    for (int64_t index = 0; index < 6; ++index) {
      const LoadedBatch& batch = loader.next();
      CHECK(batch.epoch == epoch);
      CHECK(batch.images == std::vector<int64_t>(order.begin() + 8 * index, order.begin() + 8 * index + 8));
      CHECK(holds_its_images(batch));
    }
  }
}

TEST_CASE("batch_loader: a start anywhere continues the same sequence") {
  const Numbered numbered(23);
  const auto dataset = numbered.open();
  for (const bool shuffled : {false, true}) {
    std::vector<std::vector<int64_t>> whole;
    BatchLoader from_start(*dataset, {.batch_size = 4, .shuffle = shuffled, .seed = 3});
    for (int i = 0; i < 20; ++i) whole.push_back(from_start.next().images);
    for (int64_t start = 0; start < 15; ++start) {
      BatchLoader loader(*dataset, {.batch_size = 4,
                                    .shuffle = shuffled,
                                    .seed = 3,
                                    .first_epoch = start / 5,
                                    .first_batch = start % 5});
      for (int64_t i = start; i < 20; ++i) {
        const LoadedBatch& batch = loader.next();
        CHECK(batch.images == whole[static_cast<size_t>(i)]);
        CHECK(batch.epoch * 5 + batch.index == i);
      }
    }
    // The position after an epoch's last batch is the next epoch's first.
    BatchLoader after(*dataset, {.batch_size = 4, .shuffle = shuffled, .seed = 3, .first_batch = 5});
    CHECK(after.next().images == whole[5]);
  }
}

TEST_CASE("batch_loader: a batch stays as it is until the next call, and memory is reused") {
  const Numbered numbered(60);
  const auto dataset = numbered.open();
  BatchLoader loader(*dataset, {.batch_size = 2});
  std::set<const void*> pixels, indices;
  for (int i = 0; i < 90; ++i) {
    const LoadedBatch& batch = loader.next();
    if (i % 30 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));  // let the thread run ahead
    CHECK(holds_its_images(batch));
    CHECK(batch.images[0] == 2 * (i % 30));
    pixels.insert(batch.pixels.data);
    indices.insert(batch.images.data());
  }
  CHECK(pixels.size() == 3);
  CHECK(indices.size() == 3);
}

TEST_CASE("batch_loader: waiting is measured, and there is none when loading is ahead") {
  const TemporaryFolder folder;
  put_file(folder / "x.bin", "");
  std::filesystem::resize_file(folder / "x.bin", 64 * 512 * 512 * 3);  // 48 MiB of nothing
  const auto dataset = open_pictures(folder / "x.bin", 512, 3);
  BatchLoader loader(*dataset, {.batch_size = 32});
  for (int i = 0; i < 10; ++i) loader.next();  // takes batches of 24 MiB faster than they can be copied
  CHECK(loader.waited_seconds() > 0);
  CHECK(loader.waited_seconds() < 60);
  // Wait for the thread to be ahead; then nothing is added.
  for (int tries = 0; tries < 5; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    const double before = loader.waited_seconds();
    loader.next();
    if (loader.waited_seconds() == before) return;
  }
  FAIL_CHECK("waited although there was time to load ahead");
}

TEST_CASE("batch_loader: fewer images than a batch") {
  const Numbered numbered(5);
  const auto dataset = numbered.open();
  BatchLoader several(*dataset, {.batch_size = 12});
  CHECK(several.batches_per_epoch() == 1);
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    const LoadedBatch& batch = several.next();
    CHECK(batch.epoch == epoch);
    CHECK(batch.images == std::vector<int64_t>{0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1});
    CHECK(batch.fresh == 5);
    CHECK(holds_its_images(batch));
  }
  BatchLoader all(*dataset, {.batch_size = 5});
  CHECK(all.batches_per_epoch() == 1);
  CHECK(all.next().images.size() == 5);
  CHECK_THROWS_AS(BatchLoader(*dataset, {.batch_size = 2, .first_batch = 3}), Error);
}

TEST_CASE("batch_loader: the last batch filled up from the epoch's beginning") {
  const Numbered numbered(11);
  const auto dataset = numbered.open();
  for (const bool shuffled : {false, true}) {
    BatchLoader loader(*dataset, {.batch_size = 4, .fill_last = true, .shuffle = shuffled, .seed = 3});
    CHECK(loader.batches_per_epoch() == 3);
    for (int64_t epoch = 0; epoch < 3; ++epoch) {
      std::vector<int64_t> order;
      for (int64_t index = 0; index < 3; ++index) {
        const LoadedBatch& batch = loader.next();
        CHECK(batch.index == index);
        CHECK(batch.fresh == (index < 2 ? 4 : 3));
        CHECK(holds_its_images(batch));
        order.insert(order.end(), batch.images.begin(), batch.images.end());
      }
      CHECK(order.back() == order.front());
      order.pop_back();
      std::sort(order.begin(), order.end());
      for (int64_t i = 0; i < 11; ++i) CHECK(order[static_cast<size_t>(i)] == i);
    }
  }
  CHECK(BatchLoader(*dataset, {.batch_size = 11, .fill_last = true}).batches_per_epoch() == 1);
}

TEST_CASE("batch_loader: shares of a batch are its pictures, one share's behind the other's") {
  const Numbered numbered(11);
  const auto dataset = numbered.open();
  for (const bool fill_last : {false, true}) {
    const auto options = [&](int64_t begin, int64_t share) {
      return BatchLoader::Options{.batch_size = 6,
                                  .share_begin = begin,
                                  .share = share,
                                  .fill_last = fill_last,
                                  .shuffle = true,
                                  .augmentation = {.flip = true},
                                  .seed = 3};
    };
    BatchLoader whole(*dataset, options(0, 0)), first(*dataset, options(0, 2)),
        second(*dataset, options(2, 4));
    for (int i = 0; i < 5; ++i) {
      const LoadedBatch &all = whole.next(), &a = first.next(), &b = second.next();
      std::vector<int64_t> images = a.images;
      images.insert(images.end(), b.images.begin(), b.images.end());
      CHECK(images == all.images);
      CHECK(a.fresh + b.fresh == all.fresh);
      CHECK((b.fresh == 0 || a.fresh == 2));
      CHECK(a.pixels.shape[0] == 2);
      const auto* pixels = all.pixels.as<uint8_t>();
      CHECK(std::equal(pixels, pixels + 2 * kImageBytes, a.pixels.as<uint8_t>()));
      CHECK(std::equal(pixels + 2 * kImageBytes, pixels + 6 * kImageBytes, b.pixels.as<uint8_t>()));
    }
  }
  CHECK_THROWS_AS(BatchLoader(*dataset, {.batch_size = 4, .share_begin = 3, .share = 2}), Error);
}

TEST_CASE("batch_loader: micro-batches are batches one behind the other, and shares are of each") {
  const Numbered numbered(11);
  const auto dataset = numbered.open();
  for (const bool fill_last : {false, true}) {
    const auto options = [&](int64_t micro_batches, int64_t begin, int64_t share) {
      return BatchLoader::Options{.batch_size = micro_batches == 1 ? 4 : 2,
                                  .micro_batches = micro_batches,
                                  .share_begin = begin,
                                  .share = share,
                                  .fill_last = fill_last,
                                  .shuffle = true,
                                  .seed = 3};
    };
    BatchLoader whole(*dataset, options(1, 0, 0)), parts(*dataset, options(2, 0, 0)),
        first(*dataset, options(2, 0, 1)), second(*dataset, options(2, 1, 1));
    CHECK(parts.batches_per_epoch() == whole.batches_per_epoch());
    for (int i = 0; i < 7; ++i) {
      const LoadedBatch &all = whole.next(), &same = parts.next(), &a = first.next(), &b = second.next();
      CHECK(same.images == all.images);
      CHECK(same.fresh == all.fresh);
      CHECK(std::equal(all.pixels.as<uint8_t>(), all.pixels.as<uint8_t>() + 4 * kImageBytes,
                       same.pixels.as<uint8_t>()));
      CHECK(a.images == std::vector{all.images[0], all.images[2]});
      CHECK(b.images == std::vector{all.images[1], all.images[3]});
      CHECK(a.fresh + b.fresh == all.fresh);
      CHECK(holds_its_images(b));
    }
  }
}

TEST_CASE("batch_loader: a file that shrinks while it is read ends in an error, not in a crash") {
  const Numbered numbered(40);
  const auto dataset = numbered.open();
  BatchLoader loader(*dataset, {.batch_size = 4});
  loader.next();
  std::filesystem::resize_file(numbered.folder / "x.bin", 1);
  const std::string message = error_message([&] {
    for (int i = 0; i < 5; ++i) loader.next();  // two or three are loaded already
  });
  CHECK(contains(message, "shrank"));
  CHECK_THROWS_AS(loader.next(), UserError);  // and again
}

TEST_CASE("batch_loader: an early end stops the thread") {
  const Numbered numbered(8);
  const auto dataset = numbered.open();
  for (int i = 0; i < 50; ++i) {
    BatchLoader loader(*dataset, {.batch_size = 2});
    if (i % 2 == 0) loader.next();
  }
}

TEST_CASE("batch_loader: the same bytes for any number of workers, whoever is first") {
  for (const bool shuffled : {false, true}) {
    std::vector<std::vector<uint8_t>> first;
    for (const int workers : {1, 2, 3, 8}) {
      const SlowPictures pictures(37);
      BatchLoader loader(pictures, {.batch_size = 5,
                                    .shuffle = shuffled,
                                    .augmentation = {.flip = true},
                                    .seed = 4,
                                    .workers = workers});
      std::vector<std::vector<uint8_t>> all;
      for (int i = 0; i < 17; ++i) {  // two epochs of 7 and a part of the third
        const LoadedBatch& batch = loader.next();
        CHECK(batch.epoch == i / 7);
        CHECK(batch.index == i % 7);
        all.emplace_back(batch.pixels.as<uint8_t>(), batch.pixels.as<uint8_t>() + 5 * kImageBytes);
      }
      if (workers == 1) first = all;
      CHECK(all == first);
      CHECK(pictures.most_at_once() <= workers);
      if (workers > 1) CHECK(pictures.most_at_once() > 1);
    }
  }
}

TEST_CASE("batch_loader: flips are half of the pictures, anew each epoch, the same from any start") {
  constexpr int64_t kCount = 64;
  const TemporaryFolder folder;
  const std::vector<uint8_t> bytes = noise_pictures(kCount, kSize, 3);
  put_dataset(folder / "x.bin", bytes);
  const auto pictures = open_pictures(folder / "x.bin", kSize, 3);
  const auto mirrored = [&](int64_t image) {
    std::vector<uint8_t> to;
    for (int64_t row = 0; row < kSize; ++row)
      for (int64_t column = kSize; column-- > 0;)
        for (int64_t c = 0; c < 3; ++c)
          to.push_back(bytes[static_cast<size_t>(image * kImageBytes + (row * kSize + column) * 3 + c)]);
    return to;
  };
  std::map<std::pair<int64_t, int64_t>, bool> flipped;  // of epoch and picture
  std::map<int64_t, int> per_epoch, per_picture;
  for (const bool shuffled : {false, true}) {
    for (const int64_t start : {0, 3, 19}) {
      BatchLoader loader(*pictures, {.batch_size = 8,
                                     .shuffle = shuffled,
                                     .augmentation = {.flip = true},
                                     .seed = 11,
                                     .first_epoch = start / 8,
                                     .first_batch = start % 8,
                                     .workers = 2});
      for (int64_t i = start; i < 80; ++i) {
        const LoadedBatch& batch = loader.next();
        for (size_t n = 0; n < 8; ++n) {
          const int64_t image = batch.images[n];
          const auto* at = batch.pixels.as<uint8_t>() + static_cast<int64_t>(n) * kImageBytes;
          const std::vector<uint8_t> got(at, at + kImageBytes);
          const bool flip = got == mirrored(image);
          if (!flip)
            REQUIRE(got == std::vector<uint8_t>(bytes.begin() + image * kImageBytes,
                                                bytes.begin() + (image + 1) * kImageBytes));
          const auto [known, is_new] = flipped.emplace(std::pair{batch.epoch, image}, flip);
          CHECK(known->second == flip);  // shuffled or not, started wherever
          if (!is_new) continue;
          per_epoch[batch.epoch] += flip;
          per_picture[image] += flip;
        }
      }
    }
  }
  REQUIRE(flipped.size() == 10 * kCount);
  for (const auto& [epoch, flips] : per_epoch) CHECK(std::abs(flips - 32) <= 16);  // four deviations
  int always_or_never = 0;
  for (const auto& [picture, flips] : per_picture) always_or_never += flips == 0 || flips == 10;
  CHECK(always_or_never <= 2);
  BatchLoader other(*pictures, {.batch_size = 64, .augmentation = {.flip = true}, .seed = 12});
  const LoadedBatch& batch = other.next();
  int different = 0;
  for (int64_t n = 0; n < kCount; ++n) {
    const uint8_t* at = batch.pixels.as<uint8_t>() + n * kImageBytes;
    different += flipped.at({0, n}) != (std::vector<uint8_t>(at, at + kImageBytes) == mirrored(n));
  }
  CHECK(different > 10);  // another seed, other flips
}

TEST_CASE("batch_loader: a bad picture's place goes to the next good one, from any start, and is told") {
  for (const int workers : {1, 2, 3, 8})
    for (const int64_t start : {0, 5}) {
      const SlowPictures pictures(40, {23, 24, 27, 39});
      BatchLoader loader(pictures, {.batch_size = 4, .first_batch = start, .workers = workers});
      for (int64_t i = start; i < 20; ++i) {
        const LoadedBatch& batch = loader.next();
        CHECK(batch.index == i % 10);
        CHECK(holds_its_images(batch));
        std::vector<int64_t> want;
        for (int64_t n = 4 * (i % 10); n < 4 * (i % 10) + 4; ++n)
          want.push_back(n == 23 || n == 24 ? 25 : n == 27 ? 28 : n == 39 ? 0 : n);
        CHECK(batch.images == want);
        std::vector<std::pair<int64_t, int64_t>> replaced;
        for (const ReplacedPicture& r : batch.replaced) {
          replaced.emplace_back(r.image, r.by);
          CHECK(r.problem.starts_with(fmt::format("picture {} is bad", r.image)));
        }
        using Pairs = std::vector<std::pair<int64_t, int64_t>>;
        CHECK(replaced == (i % 10 == 5   ? Pairs{{23, 25}}
                           : i % 10 == 6 ? Pairs{{24, 25}, {27, 28}}
                           : i % 10 == 9 ? Pairs{{39, 0}}
                                         : Pairs{}));
      }
    }
}

TEST_CASE("batch_loader: where no picture can be read any more, it says so") {
  const SlowPictures pictures(4, {0, 1, 2, 3});
  BatchLoader loader(pictures, {.batch_size = 2, .workers = 2});
  for (int time = 0; time < 2; ++time) {
    const std::string message = error_message([&] { loader.next(); });
    CHECK(message.starts_with("picture 0 is bad"));
    CHECK(contains(message, "none of the other 3 pictures can be read"));
  }
}
