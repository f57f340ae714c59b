// One thread that works, and a short queue before it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace inpaint {

class FillQueue {
 public:
  // Exactly one of them is called, and must not throw.
  struct Job {
    std::function<void()> run;     // by the queue's thread
    std::function<void()> cancel;  // by close()
  };

  // most_waiting: jobs besides the one that runs.
  explicit FillQueue(size_t most_waiting);
  ~FillQueue();  // closes
  FillQueue(const FillQueue&) = delete;
  FillQueue& operator=(const FillQueue&) = delete;

  bool is_full() const;
  // False, and the job is not touched, when the queue is full or closed.
  bool push(Job job);
  // Cancels what waits, and returns when the job that runs has come to its end.
  void close();

 private:
  void work();

  const size_t most_waiting_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;
  bool busy_ = false, closed_ = false;
  std::thread thread_;
};

}  // namespace inpaint
