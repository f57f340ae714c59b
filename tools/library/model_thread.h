// The thread that a model of the library lives on.
//
// A caller's thread may take signals, which must not interrupt what computes (core/base/signal_thread.h). It
// may have a small stack, settings of OpenMP that a matrix product would change, and another current GPU. So
// the model is made, used and destroyed by a thread of the library.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace inpaint {

class ModelThread {
 public:
  // Throws std::system_error when the system refuses a thread.
  ModelThread();
  ~ModelThread();
  ModelThread(const ModelThread&) = delete;
  ModelThread& operator=(const ModelThread&) = delete;

  // Runs the task on the thread and returns when it is done; what it throws is thrown here. May be called by
  // several threads, whose tasks run one after the other.
  void run(const std::function<void()>& task);

 private:
  void work();

  std::mutex callers_;  // held by the caller whose task it is
  std::mutex mutex_;    // guards what follows
  std::condition_variable changed_;
  const std::function<void()>* task_ = nullptr;
  std::exception_ptr failure_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace inpaint
