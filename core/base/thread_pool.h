// A persistent pool. Work is cut into tasks whose number depends on the problem only, never on the number
// of threads, so that sums keep their order: same input, same bits, for any number of threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace inpaint {

class ThreadPool {
 public:
  // threads >= 1, counting the caller: ThreadPool(1) starts no thread.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Runs task(index, worker) for every index in [0, count) and returns when all are done; worker is in
  // [0, threads()) and names the scratch memory a task may use. The first exception thrown is rethrown here.
  // Called by one thread at a time, and not from inside a task.
  void run(int64_t count, const std::function<void(int64_t index, int worker)>& task);

 private:
  void stop();
  void work(int worker);
  void take_tasks(int worker);

  std::mutex mutex_;
  std::condition_variable start_, done_;
  const std::function<void(int64_t, int)>* task_ = nullptr;
  int64_t count_ = 0, next_ = 0;
  uint64_t generation_ = 0;
  int busy_ = 0;
  bool stopping_ = false;
  std::exception_ptr failure_;
  std::vector<std::thread> workers_;
};

}  // namespace inpaint
