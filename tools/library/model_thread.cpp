#include "tools/library/model_thread.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

#include "core/base/signal_stack.h"

namespace inpaint {
namespace {

// While it lives, the calling thread takes no signals but those that its own instructions raise. A thread
// that is started meanwhile never does.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t set;
    sigfillset(&set);
    for (const int signal : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP})
      sigdelset(&set, signal);
    pthread_sigmask(SIG_BLOCK, &set, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

ModelThread::ModelThread() {
  const BlockedSignals blocked;
  thread_ = std::thread([this] { work(); });
}

ModelThread::~ModelThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ModelThread::run(const std::function<void()>& task) {
  const std::lock_guard my_turn(callers_);
  std::unique_lock lock(mutex_);
  task_ = &task;
  changed_.notify_all();
  changed_.wait(lock, [this] { return task_ == nullptr; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ModelThread::work() {
  const SignalStack stack;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || task_ != nullptr; });
    if (task_ == nullptr) return;
    const std::function<void()>& task = *task_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      task();
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    failure_ = std::move(failure);
    task_ = nullptr;
    changed_.notify_all();
  }
}

}  // namespace inpaint
