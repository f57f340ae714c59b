#include "train/batch_loader.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>

#include "train/shuffle.h"

namespace inpaint {
namespace {

int64_t whole_batches(const BinDataset& dataset, int64_t batch_size) {
  INPAINT_CHECK(batch_size >= 1, "batch_size {}", batch_size);
  if (dataset.count() < batch_size)
    user_error("{}: {} images are less than one batch of {}; set batch_size to {} or less, or add pictures",
               dataset.path().string(), dataset.count(), batch_size, dataset.count());
  return dataset.count() / batch_size;
}

}  // namespace

BatchLoader::BatchLoader(const BinDataset& dataset, const Options& options)
    : dataset_(dataset),
      options_(options),
      batches_per_epoch_(whole_batches(dataset, options.batch_size)),
      order_(static_cast<size_t>(dataset.count())) {
  INPAINT_CHECK(
      options.first_epoch >= 0 && options.first_batch >= 0 && options.first_batch <= batches_per_epoch_,
      "start at epoch {}, batch {} of {}", options.first_epoch, options.first_batch, batches_per_epoch_);
  std::iota(order_.begin(), order_.end(), int64_t{0});
  const Shape shape{options.batch_size, dataset.image_size(), dataset.image_size(), dataset.image_channel()};
  buffer_ = Buffer(kSlots * shape.elements());
  for (int64_t slot = 0; slot < kSlots; ++slot) {
    slots_[slot].pixels = buffer_.tensor(shape, DType::kU8, slot * shape.elements());
    slots_[slot].images.resize(static_cast<size_t>(options.batch_size));
  }
  thread_ = std::thread([this] { load(); });
}

BatchLoader::~BatchLoader() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

const LoadedBatch& BatchLoader::next() {
  std::unique_lock lock(mutex_);
  released_ = taken_;
  changed_.notify_all();
  const auto ready = [this] { return loaded_ > taken_ || failure_; };
  if (!ready()) {
    const auto start = std::chrono::steady_clock::now();
    changed_.wait(lock, ready);
    waited_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  if (loaded_ == taken_) std::rethrow_exception(failure_);
  return slots_[taken_++ % kSlots];
}

void BatchLoader::load() {
  int64_t epoch = options_.first_epoch, index = options_.first_batch;
  try {
    for (int64_t number = 0;; ++number, ++index) {
      if (index == batches_per_epoch_) {
        ++epoch;
        index = 0;
      }
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stopping_ || number - released_ < kSlots; });
        if (stopping_) return;
      }
      fill(slots_[number % kSlots], epoch, index);
      const std::lock_guard lock(mutex_);
      loaded_ = number + 1;
      changed_.notify_all();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
    changed_.notify_all();
  }
}

void BatchLoader::fill(LoadedBatch& batch, int64_t epoch, int64_t index) {
  if (options_.shuffle && order_epoch_ != epoch) {
    shuffled_order(options_.seed, epoch, order_);
    order_epoch_ = epoch;
  }
  batch.epoch = epoch;
  batch.index = index;
  std::copy_n(order_.begin() + index * options_.batch_size, options_.batch_size, batch.images.begin());
  dataset_.check_not_shrunk();
  uint8_t* to = batch.pixels.as<uint8_t>();
  for (const int64_t image : batch.images) {
    std::memcpy(to, dataset_.image(image), static_cast<size_t>(dataset_.image_bytes()));
    to += dataset_.image_bytes();
  }
}

}  // namespace inpaint
