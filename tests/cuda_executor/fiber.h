// Fibers: a kernel thread runs on a stack of its own, so that it can wait in the middle of its code. All run
// on the OS thread that entered them, one at a time.
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>
#include <functional>
#include <vector>

#include "tests/cuda_executor/asan.h"

namespace inpaint::executor {

inline constexpr size_t kStackBytes = asan::kEnabled ? 256 << 10 : 64 << 10;

// Boost's public fiber unwinds its stack when it is dropped in the middle. A kernel thread that broke a rule
// cannot be unwound (the compiler's hooks it is stopped in count as unable to throw) and needs not be, so we
// stand on the two calls beneath it.
class Fiber {
 public:
  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs `work` on this fiber until it returns or suspends itself; true when it returned. A fiber that
  // suspended itself is resumed with continue_it().
  bool start(const std::function<void()>& work);
  bool continue_it();

  void suspend();  // called on the fiber itself: goes back to the caller of start or continue_it
  void abandon();  // forgets suspended work; its objects are not destroyed

  const std::byte* stack() const { return stack_; }  // kStackBytes of it, a guard page before them

 private:
  static void enter(boost::context::detail::transfer_t from);

  std::byte* stack_;
  boost::context::detail::fcontext_t here_ = nullptr;    // where the fiber waits
  boost::context::detail::fcontext_t caller_ = nullptr;  // where its caller waits
  const std::function<void()>* work_ = nullptr;
  bool finished_ = true;
  void* fake_stack_ = nullptr;  // AddressSanitizer's notes on this stack, and on the caller's
  const void* caller_stack_ = nullptr;
  size_t caller_stack_bytes_ = 0;
};

}  // namespace inpaint::executor
