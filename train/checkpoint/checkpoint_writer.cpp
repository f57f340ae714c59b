#include "train/checkpoint/checkpoint_writer.h"

#include <utility>

#include "core/base/error.h"

namespace inpaint {

CheckpointWriter::CheckpointWriter(CheckpointStore& store, std::vector<NamedTensor> layout)
    : store_(store), layout_(std::move(layout)) {
  spare_.reserve(2);  // all there can be: work() must not have to ask for memory
  thread_ = std::thread([this] { work(); });
}

CheckpointWriter::~CheckpointWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

CheckpointSnapshot& CheckpointWriter::next() {
  std::unique_lock lock(mutex_);
  rethrow();
  if (!filling_) {
    changed_.wait(lock, [this] { return !waiting_ || !writing_; });  // both: two is the most
    if (spare_.empty()) {
      filling_ = make_snapshot();
    } else {
      filling_ = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  return *filling_;
}

void CheckpointWriter::submit() {
  {
    std::unique_lock lock(mutex_);
    rethrow();
    INPAINT_CHECK(filling_ != nullptr, "submit without next");
    changed_.wait(lock, [this] { return !waiting_; });  // one that the thread is about to take
    waiting_ = std::move(filling_);
  }
  changed_.notify_all();
}

void CheckpointWriter::finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !waiting_ && !writing_; });
  rethrow();
}

void CheckpointWriter::rethrow() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

std::unique_ptr<CheckpointSnapshot> CheckpointWriter::make_snapshot() const {
  auto snapshot = std::make_unique<CheckpointSnapshot>();
  snapshot->tensors = layout_;
  std::vector<int> places;
  for (const NamedTensor& named : layout_)
    places.push_back(snapshot->memory.reserve(named.tensor.shape, named.tensor.dtype));
  snapshot->memory.allocate();
  for (size_t i = 0; i < places.size(); ++i) snapshot->tensors[i].tensor = snapshot->memory.tensor(places[i]);
  return snapshot;
}

void CheckpointWriter::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return waiting_ || stopping_; });
    if (!waiting_) return;
    writing_ = std::move(waiting_);
    changed_.notify_all();
    lock.unlock();
    std::exception_ptr failure;
    try {
      store_.save(writing_->step, writing_->tensors, writing_->metadata, writing_->standing);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (!failure_) failure_ = failure;
    spare_.push_back(std::move(writing_));
    changed_.notify_all();
  }
}

}  // namespace inpaint
