#include "train/batch_loader.h"

#include <doctest/doctest.h>

#include <chrono>
#include <set>
#include <thread>

#include "tests/error_message.h"
#include "tests/temporary_folder.h"
#include "train/shuffle.h"

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
  BinDataset open() const { return BinDataset(folder / "x.bin", kSize, 3); }
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
  const BinDataset dataset = numbered.open();
  BatchLoader loader(dataset, {.batch_size = 3});
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
  const BinDataset dataset = numbered.open();
  BatchLoader loader(dataset, {.batch_size = 8, .shuffle = true, .seed = 9, .first_epoch = 5});
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
  const BinDataset dataset = numbered.open();
  for (const bool shuffled : {false, true}) {
    std::vector<std::vector<int64_t>> whole;
    BatchLoader from_start(dataset, {.batch_size = 4, .shuffle = shuffled, .seed = 3});
    for (int i = 0; i < 20; ++i) whole.push_back(from_start.next().images);
    for (int64_t start = 0; start < 15; ++start) {
      BatchLoader loader(dataset, {.batch_size = 4,
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
    BatchLoader after(dataset, {.batch_size = 4, .shuffle = shuffled, .seed = 3, .first_batch = 5});
    CHECK(after.next().images == whole[5]);
  }
}

TEST_CASE("batch_loader: a batch stays as it is until the next call, and memory is reused") {
  const Numbered numbered(60);
  const BinDataset dataset = numbered.open();
  BatchLoader loader(dataset, {.batch_size = 2});
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
  const BinDataset dataset(folder / "x.bin", 512, 3);
  BatchLoader loader(dataset, {.batch_size = 32});
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
  const BinDataset dataset = numbered.open();
  const std::string message = error_message([&] { BatchLoader(dataset, {.batch_size = 6}); });
  CHECK(contains(message, "5 images are less than one batch of 6"));
  CHECK(contains(message, "batch_size to 5"));
  BatchLoader all(dataset, {.batch_size = 5});
  CHECK(all.batches_per_epoch() == 1);
  CHECK(all.next().images.size() == 5);
  CHECK_THROWS_AS(BatchLoader(dataset, {.batch_size = 2, .first_batch = 3}), Error);
}

TEST_CASE("batch_loader: a file that shrinks while it is read ends in an error, not in a crash") {
  const Numbered numbered(40);
  const BinDataset dataset = numbered.open();
  BatchLoader loader(dataset, {.batch_size = 4});
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
  const BinDataset dataset = numbered.open();
  for (int i = 0; i < 50; ++i) {
    BatchLoader loader(dataset, {.batch_size = 2});
    if (i % 2 == 0) loader.next();
  }
}
