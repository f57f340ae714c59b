#include "train/data/batch_loader.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "train/data/shuffle.h"

namespace inpaint {
namespace {

int64_t batches_of(int64_t pictures, const BatchLoader::Options& options) {
  INPAINT_CHECK(options.batch_size >= 1 && options.micro_batches >= 1, "{} batches of {}",
                options.micro_batches, options.batch_size);
  const int64_t batch = options.micro_batches * options.batch_size;
  return options.fill_last ? (pictures + batch - 1) / batch : batches_in_epoch(pictures, batch);
}

}  // namespace

int64_t batches_in_epoch(int64_t pictures, int64_t batch) { return std::max<int64_t>(1, pictures / batch); }

BatchLoader::BatchLoader(const PictureSet& pictures, const Options& options)
    : pictures_(pictures),
      options_(options),
      share_(options.share == 0 ? options.batch_size : options.share),
      loaded_(options.micro_batches * share_),
      batches_per_epoch_(batches_of(pictures.count(), options)),
      order_(static_cast<size_t>(pictures.count())) {
  INPAINT_CHECK(
      options.first_epoch >= 0 && options.first_batch >= 0 && options.first_batch <= batches_per_epoch_,
      "start at epoch {}, batch {} of {}", options.first_epoch, options.first_batch, batches_per_epoch_);
  INPAINT_CHECK(options.workers >= 1, "{} workers", options.workers);
  INPAINT_CHECK(share_ >= 1 && options.share_begin >= 0 && options.share_begin + share_ <= options.batch_size,
                "{} pictures from {} on of a batch of {}", share_, options.share_begin, options.batch_size);
  std::iota(order_.begin(), order_.end(), int64_t{0});
  const Shape shape = pictures.shape(loaded_);
  buffer_ = Buffer::staging(kSlots * shape.elements(), options.device);
  for (int64_t slot = 0; slot < kSlots; ++slot) {
    slots_[slot].batch.pixels = buffer_.tensor(shape, DType::kU8, slot * shape.elements());
    slots_[slot].batch.images.resize(static_cast<size_t>(loaded_));
  }
  try {
    for (int worker = 0; worker < options.workers; ++worker) threads_.emplace_back([this] { work(); });
  } catch (...) {
    stop();
    throw;
  }
}

BatchLoader::~BatchLoader() { stop(); }

void BatchLoader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

const LoadedBatch& BatchLoader::next() {
  std::unique_lock lock(mutex_);
  released_ = taken_;
  changed_.notify_all();
  // After a failure the pictures before it, which others are still at, may yet complete the batch, or fail.
  const auto ready = [this] { return is_loaded(taken_) || (failure_ && busy_ == 0); };
  if (!ready()) {
    const auto start = std::chrono::steady_clock::now();
    changed_.wait(lock, ready);
    waited_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  if (!is_loaded(taken_)) std::rethrow_exception(failure_);
  LoadedBatch& batch = slots_[taken_++ % kSlots].batch;
  std::ranges::sort(batch.replaced, {}, &ReplacedPicture::image);  // workers overtake each other
  return batch;
}

bool BatchLoader::is_loaded(int64_t number) const {
  const Slot& slot = slots_[number % kSlots];
  return slot.number == number && slot.done == loaded_;
}

// Pictures are claimed one at a time, in order.
void BatchLoader::work() {
  std::unique_lock lock(mutex_);
  while (wait_for_work(lock)) {
    const int64_t picture = claimed_++, place = picture % loaded_;
    if (place == 0) begin_batch(picture / loaded_);
    Slot& slot = slots_[picture / loaded_ % kSlots];
    ++busy_;
    lock.unlock();
    std::exception_ptr failure;
    std::optional<ReplacedPicture> replaced;
    try {
      replaced = read(slot, place);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    --busy_;
    if (!failure) {
      ++slot.done;
      if (replaced) slot.batch.replaced.push_back(std::move(*replaced));
    } else if (!failure_ || picture < failed_) {
      failure_ = failure;
      failed_ = picture;
    }
    if (failure_ || slot.done == loaded_) changed_.notify_all();
  }
}

// False: the end.
bool BatchLoader::wait_for_work(std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [this] { return stopping_ || failure_ || claimed_ / loaded_ - released_ < kSlots; });
  return !stopping_ && !failure_;
}

void BatchLoader::begin_batch(int64_t number) {
  const int64_t position = options_.first_batch + number;
  Slot& slot = slots_[number % kSlots];
  slot.number = number;
  slot.done = 0;
  slot.batch.replaced.clear();
  slot.batch.epoch = options_.first_epoch + position / batches_per_epoch_;
  slot.batch.index = position % batches_per_epoch_;
  if (options_.shuffle && order_epoch_ != slot.batch.epoch) {
    shuffled_order(options_.seed, slot.batch.epoch, order_);
    order_epoch_ = slot.batch.epoch;
  }
  const int64_t count = std::ssize(order_);
  slot.batch.fresh = 0;
  for (int64_t m = 0; m < options_.micro_batches; ++m) {
    const int64_t micro_batch = slot.batch.index * options_.micro_batches + m,
                  first = micro_batch * options_.batch_size + options_.share_begin;
    slot.batch.fresh += std::clamp<int64_t>(count - first, 0, share_);
    for (int64_t place = 0; place < share_; ++place)
      slot.batch.images[static_cast<size_t>(m * share_ + place)] =
          order_[static_cast<size_t>((first + place) % count)];
  }
}

// The picture of a place, or the next one of the set that can be read.
std::optional<ReplacedPicture> BatchLoader::read(Slot& slot, int64_t place) const {
  int64_t& image = slot.batch.images[static_cast<size_t>(place)];
  uint8_t* to = slot.batch.pixels.as<uint8_t>() + place * pictures_.shape(1).elements();
  const int64_t wanted = image, count = pictures_.count();
  std::string problem;
  for (int64_t i = 0; i < count; ++i, image = (image + 1) % count) {
    const std::string found = read_picture(image, slot.batch.epoch, to);
    if (found.empty())
      return image == wanted ? std::nullopt
                             : std::optional(ReplacedPicture{wanted, image, std::move(problem)});
    if (problem.empty()) problem = found;
  }
  user_error("{}; and none of the other {} pictures can be read", problem, count - 1);
}

// "", or why this picture cannot be had.
std::string BatchLoader::read_picture(int64_t image, int64_t epoch, uint8_t* to) const {
  const auto choose = [&](int64_t height, int64_t width) {
    return random_square(options_.seed, epoch, image, height, width, pictures_.image_size());
  };
  std::string problem = options_.augmentation.random_crop ? pictures_.read_square(image, choose, to)
                                                          : pictures_.read(image, to);
  if (problem.empty() && options_.augmentation.flip && is_flipped(options_.seed, epoch, image))
    mirror(to, pictures_.image_size(), pictures_.image_channel());
  return problem;
}

}  // namespace inpaint
