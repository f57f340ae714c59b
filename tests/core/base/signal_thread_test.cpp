// Each case in a process of its own, whose signals it may take.
#include "core/base/signal_thread.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <thread>

#include "core/base/error.h"

using namespace inpaint;

namespace {

// The status that waitpid reports of a process that runs `body` and exits with its result.
int status_of(const std::function<int()>& body) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(body());
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

int exit_code_of(const std::function<int()>& body) {
  const int status = status_of(body);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool is_blocked(int signal) {
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  return sigismember(&mask, signal) == 1;
}

// What arrived within a second.
int wait_for(const StopSignal& stop) {
  for (int i = 0; i < 1000 && stop.received() == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return stop.received();
}

std::atomic<bool> handled = false;
std::atomic<pthread_t> handled_by;

}  // namespace

TEST_CASE("signal thread: this thread and later ones block all signals but faults") {
  CHECK(exit_code_of([] {
          start_signal_thread();
          start_signal_thread();  // once more does nothing
          const auto faults = [] {
            int wrong = 0;
            for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGXCPU, SIGPIPE, SIGALRM, SIGPROF, SIGUSR1,
                                     SIGCHLD, SIGWINCH, SIGRTMIN, SIGRTMAX})
              wrong += !is_blocked(signal);
            for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
              wrong += is_blocked(signal);
            return wrong;
          };
          int in_thread = 0;
          std::thread([&] { in_thread = faults(); }).join();
          return faults() + in_thread;
        }) == 0);
}

TEST_CASE("signal thread: the first signal is kept for the one who asks") {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGXCPU, SIGPIPE}) {
    CAPTURE(signal);
    CHECK(exit_code_of([&] {
            start_signal_thread();
            const StopSignal stop;
            if (stop.received() != 0) return 1;
            kill(getpid(), signal);
            return wait_for(stop) == signal ? stop.exit_code() : 2;
          }) == 128 + signal);
  }
}

TEST_CASE("signal thread: where nobody asks, a signal ends the process") {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGXCPU, SIGPIPE, SIGUSR1, SIGQUIT}) {
    CAPTURE(signal);
    const int status = status_of([&] {
      start_signal_thread();
      { const StopSignal stop; }
      kill(getpid(), signal);
      std::this_thread::sleep_for(std::chrono::seconds(10));
      return 0;
    });
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == signal);
  }
}

TEST_CASE("signal thread: a handler that was there before runs on it, and may have a stack of its own") {
  CHECK(exit_code_of([] {
          struct sigaction action {};
          action.sa_handler = [](int) {
            handled_by = pthread_self();
            handled = true;
          };
          sigaction(SIGUSR1, &action, nullptr);
          start_signal_thread();
          sigaction(SIGUSR1, nullptr, &action);
          if ((action.sa_flags & SA_ONSTACK) == 0) return 1;
          kill(getpid(), SIGUSR1);
          for (int i = 0; i < 1000 && !handled; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
          return handled && pthread_equal(handled_by, pthread_self()) == 0 ? 0 : 2;
        }) == 0);
}

TEST_CASE("signal thread: without it nobody can ask") {
  CHECK(exit_code_of([] {
          try {
            const StopSignal stop;
          } catch (const Error&) {
            return 0;
          }
          return 1;
        }) == 0);
}
