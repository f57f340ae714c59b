#include "core/base/signal_thread.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "core/base/error.h"
#include "core/base/signal_stack.h"

namespace inpaint {
namespace {

using Clock = std::chrono::steady_clock;

// timeout(1) sends its signal to the process and to the process group: both come within this time.
constexpr std::chrono::milliseconds kOneRequest{100};

constexpr int kNoThread = -2, kNobodyAsks = -1, kNothingCame = 0;
std::atomic<int> stop_signal = kNoThread;  // a signal's number, or one of the above

bool is_ignored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE}) sigaddset(&set, signal);
  for (const int signal : {SIGHUP, SIGXCPU})
    if (!is_ignored(signal)) sigaddset(&set, signal);
  return set;
}

// All but those that a thread's own instructions raise.
sigset_t blocked_signals() {
  sigset_t set;
  sigfillset(&set);
  for (const int signal : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP})
    sigdelset(&set, signal);
  return set;
}

void set_default_action(int signal) {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
}

// A handler that a preloaded library has installed runs on the signal stack of the thread it interrupts, if
// that library lets signals through again in a thread that computes.
void move_handler_to_signal_stack(int signal) {
  struct sigaction action {};
  if (sigaction(signal, nullptr, &action) != 0) return;  // a signal that the C library keeps for itself
  if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) return;
  action.sa_flags |= SA_ONSTACK;
  sigaction(signal, &action, nullptr);
}

[[noreturn]] void end_by(int signal) {
  set_default_action(signal);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
  raise(signal);
  _exit(128 + signal);  // the first process of a container survives its default actions
}

[[noreturn]] void take_signals(const sigset_t& stops) {
  Clock::time_point asked{};
  while (true) {
    int signal = 0;
    if (sigwait(&stops, &signal) != 0) continue;
    int before = kNothingCame;
    if (stop_signal.compare_exchange_strong(before, signal)) {
      asked = Clock::now();
      continue;
    }
    // The system repeats SIGXCPU every second, and shell and system both send SIGHUP when a terminal closes.
    const bool by_a_person = signal == SIGINT || signal == SIGTERM;
    if (before == kNobodyAsks || (by_a_person && Clock::now() - asked >= kOneRequest)) end_by(signal);
  }
}

void block_and_take_signals() {
  static const SignalStack stack;  // of the calling thread, which computes too
  const sigset_t stops = stop_signals(), blocked = blocked_signals();
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    if (sigismember(&stops, signal) == 1)
      set_default_action(signal);  // one that is ignored need not reach sigwait
    else
      move_handler_to_signal_stack(signal);
  }
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  for (int signal = 1; signal <= SIGRTMAX; ++signal)
    if (sigismember(&stops, signal) == 1) sigaddset(&before, signal);
  stop_signal = kNobodyAsks;
  std::thread([stops, before] {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    take_signals(stops);
  }).detach();
}

}  // namespace

void start_signal_thread() {
  static std::once_flag once;
  std::call_once(once, block_and_take_signals);
}

StopSignal::StopSignal() {
  INPAINT_CHECK(stop_signal != kNoThread, "no thread takes signals: main has to call start_signal_thread");
  stop_signal = kNothingCame;
}

// A signal that came stays noted: one that repeats it while the process comes to its end changes nothing.
StopSignal::~StopSignal() {
  int before = kNothingCame;
  stop_signal.compare_exchange_strong(before, kNobodyAsks);
}

int StopSignal::received() const { return std::max<int>(kNothingCame, stop_signal); }

}  // namespace inpaint
