// A stack for signal handlers, apart from the thread's own. Threads that compute block signals
// (signal_thread.h); this stack serves the handler of a library that lets them through all the same.
#pragma once

#include <cstddef>

namespace inpaint {

// The calling thread's, while the object lives. A thread that has one already, from a sanitizer for example,
// keeps it. Allocates nothing: the object itself is the stack.
class SignalStack {
 public:
  SignalStack();
  ~SignalStack();  // in the same thread
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  static constexpr size_t kBytes = 65536;  // the registers of AVX-512 and AMX take 11 KiB of it
  alignas(64) std::byte memory_[kBytes];
  bool in_use_ = false;
};

}  // namespace inpaint
