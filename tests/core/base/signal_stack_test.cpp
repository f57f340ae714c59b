#include "core/base/signal_stack.h"

#include <doctest/doctest.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "core/base/thread_pool.h"

using namespace inpaint;

namespace {

// Where handlers of this thread run; nullptr: on its own stack.
const void* handler_stack() {
  stack_t stack{};
  CHECK(sigaltstack(nullptr, &stack) == 0);
  return (stack.ss_flags & SS_DISABLE) != 0 ? nullptr : stack.ss_sp;
}

std::atomic<const void*> handler_ran_at = nullptr;

void note_place(int) {
  const int here = 0;
  handler_ran_at = &here;
}

}  // namespace

TEST_CASE("signal stack: a thread has it while the object lives, and handlers run on it") {
  std::thread([] {
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    stack_t of_sanitizer{};
    CHECK(sigaltstack(&none, &of_sanitizer) == 0);
    struct sigaction action {
    }, before{};
    action.sa_handler = note_place;
    action.sa_flags = SA_ONSTACK;
    CHECK(sigaction(SIGUSR1, &action, &before) == 0);
    {
      const SignalStack stack;
      CHECK(handler_stack() != nullptr);
      pthread_kill(pthread_self(), SIGUSR1);
      const auto* begin = reinterpret_cast<const char*>(&stack);
      const auto* place = static_cast<const char*>(handler_ran_at.load());
      CHECK(place >= begin);
      CHECK(place < begin + sizeof stack);
      const void* const first = handler_stack();
      {
        const SignalStack second;  // the thread keeps the one that it has
        CHECK(handler_stack() == first);
      }
      CHECK(handler_stack() == first);
    }
    CHECK(handler_stack() == nullptr);
    CHECK(sigaction(SIGUSR1, &before, nullptr) == 0);
    CHECK(sigaltstack(&of_sanitizer, nullptr) == 0);
  }).join();
}

TEST_CASE("signal stack: the threads of a pool have one") {
  ThreadPool pool(3);
  std::atomic<int> without = 0;
  pool.run(100, [&](int64_t, int worker) {
    if (worker != 0 && handler_stack() == nullptr) ++without;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // so that every worker gets some
  });
  CHECK(without == 0);
}
