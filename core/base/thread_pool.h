// A persistent pool. Work is cut into tasks whose number depends on the problem only, never on the number
// of threads, so that sums keep their order: same input, same bits, for any number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace inpaint {

class ThreadPool {
 public:
  // threads >= 1, counting the caller: ThreadPool(1) starts no thread.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  // Runs task(index, worker) for every index in [0, count) and returns when all are done; worker is in
  // [0, threads()) and names the scratch memory a task may use. The first exception thrown is rethrown here.
  // Called by one thread at a time, and not from inside a task.
  void run(int64_t count, const std::function<void(int64_t index, int worker)>& task);

 private:
  struct Crew;  // nearly every source reads this header; what threads need stays out of it

  int threads_;
  std::unique_ptr<Crew> crew_;
};

}  // namespace inpaint
