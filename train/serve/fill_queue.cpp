#include "train/serve/fill_queue.h"

#include <utility>

#include "core/base/signal_stack.h"

namespace inpaint {

FillQueue::FillQueue(size_t most_waiting) : most_waiting_(most_waiting), thread_([this] { work(); }) {}

FillQueue::~FillQueue() { close(); }

bool FillQueue::is_full() const {
  const std::lock_guard lock(mutex_);
  return closed_ || waiting_.size() >= most_waiting_ + (busy_ ? 0 : 1);
}

bool FillQueue::push(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || waiting_.size() >= most_waiting_ + (busy_ ? 0 : 1)) return false;
    waiting_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

void FillQueue::close() {
  std::deque<Job> cancelled;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    cancelled.swap(waiting_);
  }
  changed_.notify_one();
  for (const Job& job : cancelled) job.cancel();
  if (thread_.joinable()) thread_.join();
}

void FillQueue::work() {
  const SignalStack stack;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    {
      const Job job = std::move(waiting_.front());
      waiting_.pop_front();
      busy_ = true;
      lock.unlock();
      job.run();
    }
    lock.lock();
    busy_ = false;
  }
}

}  // namespace inpaint
