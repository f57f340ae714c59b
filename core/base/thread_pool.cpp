#include "core/base/thread_pool.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/signal_stack.h"

namespace inpaint {
namespace {

// Waits a little for what is about to happen: a thread that sleeps takes as long to wake up as a small op
// takes. Returns after a while in any case, and who waits then sleeps.
template <typename Happened>
void await_briefly(const Happened& happened) {
  constexpr std::chrono::microseconds kWhile{50};
  constexpr int kLooks = 64;  // between two looks at the clock
  const auto end = std::chrono::steady_clock::now() + kWhile;
  do {
    for (int look = 0; look < kLooks; ++look) {
      if (happened()) return;
#ifdef __x86_64__
      __builtin_ia32_pause();
#endif
    }
    std::this_thread::yield();  // to threads that have work, where there are more of them than cores
  } while (std::chrono::steady_clock::now() < end);
}

}  // namespace

// The threads besides the caller, and what they share with it.
struct ThreadPool::Crew {
  std::mutex mutex;
  std::condition_variable start, done;
  const std::function<void(int64_t, int)>* task = nullptr;
  int64_t count = 0, next = 0;
  std::atomic<uint64_t> generation = 0;
  std::atomic<int> busy = 0;
  std::atomic<bool> stopping = false;
  std::exception_ptr failure;
  std::vector<std::thread> workers;

  explicit Crew(int size) {
    workers.reserve(static_cast<size_t>(size));
    try {
      for (int worker = 1; worker <= size; ++worker) workers.emplace_back([this, worker] { work(worker); });
    } catch (...) {  // the system has no room for one more
      stop();
      throw;
    }
  }
  ~Crew() { stop(); }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    start.notify_all();
    for (std::thread& worker : workers) worker.join();
  }

  void run(int64_t tasks, const std::function<void(int64_t, int)>& new_task) {
    {
      const std::lock_guard lock(mutex);
      task = &new_task;
      count = tasks;
      next = 0;
      busy = static_cast<int>(workers.size());
      ++generation;
    }
    start.notify_all();
    take_tasks(0);
    await_briefly([this] { return busy == 0; });
    std::unique_lock lock(mutex);
    done.wait(lock, [this] { return busy == 0; });
    task = nullptr;
    if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
  }

  void work(int worker) {
    const SignalStack stack;
    uint64_t seen = 0;
    while (true) {
      await_briefly([&] { return stopping || generation != seen; });
      {
        std::unique_lock lock(mutex);
        start.wait(lock, [&] { return stopping || generation != seen; });
        if (stopping) return;
        seen = generation;
      }
      take_tasks(worker);
      const std::lock_guard lock(mutex);
      if (--busy == 0) done.notify_one();
    }
  }

  void take_tasks(int worker) {
    while (true) {
      int64_t index;
      {
        const std::lock_guard lock(mutex);
        if (next == count) return;
        index = next++;
      }
      try {
        (*task)(index, worker);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next = count;
      }
    }
  }
};

ThreadPool::ThreadPool(int threads) : threads_(threads) {
  INPAINT_CHECK(threads >= 1, "threads {}", threads);
  crew_ = std::make_unique<Crew>(threads - 1);
}

ThreadPool::~ThreadPool() = default;

void ThreadPool::run(int64_t count, const std::function<void(int64_t, int)>& task) {
  if (count == 0) return;
  if (threads_ > 1 && count > 1) return crew_->run(count, task);
  for (int64_t index = 0; index < count; ++index) task(index, 0);
}

}  // namespace inpaint
