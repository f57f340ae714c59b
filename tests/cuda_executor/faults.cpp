#include "tests/cuda_executor/faults.h"

#include <signal.h>
#include <unistd.h>

#include <cstring>

#include "tests/cuda_executor/block.h"
#include "tests/cuda_executor/device_memory.h"

namespace inpaint::executor {
namespace {

struct sigaction previous;

void say(const char* text) { [[maybe_unused]] const auto written = write(STDERR_FILENO, text, strlen(text)); }

void on_fault(int signal, siginfo_t* info, void*) {
  const auto* const address = static_cast<const std::byte*>(info->si_addr);
  if (running.thread != nullptr) {
    const std::byte* const stack = running.thread->fiber->stack();
    if (address < stack && address >= stack - sysconf(_SC_PAGESIZE))
      say("violation: a kernel's stack is full\n");
    if (device_memory().contains(address)) say("violation: a kernel uses memory that is not allocated\n");
  } else if (device_memory().contains(address)) {
    say("violation: host code uses device memory, ");
    say(device_memory().describe(address).c_str());
    say("\n");
  }
  sigaction(signal, &previous, nullptr);  // and the instruction faults again
}

}  // namespace

void explain_faults() {
  static std::byte stack[64 << 10];  // a full stack cannot hold the handler
  struct sigaction present {};
  sigaction(SIGSEGV, nullptr, &present);
  if (present.sa_sigaction == on_fault) return;
  stack_t own{}, present_stack{};
  own.ss_sp = stack;
  own.ss_size = sizeof(stack);
  sigaltstack(nullptr, &present_stack);
  if (present_stack.ss_flags & SS_DISABLE) sigaltstack(&own, nullptr);
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  previous = present;
  sigaction(SIGSEGV, &action, nullptr);
}

}  // namespace inpaint::executor
