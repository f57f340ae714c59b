// A part of a test in a process of its own, which may be killed.
#pragma once

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

namespace inpaint {

// Runs `body` in a child process. True: SIGKILL ended it. False: it came to its end. Anything else, an
// exception for one, fails the test.
inline bool killed(const std::function<void()>& body) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    try {
      body();
    } catch (...) {
      _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  const bool by_kill = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  REQUIRE((by_kill || (WIFEXITED(status) && WEXITSTATUS(status) == 0)));
  return by_kill;
}

}  // namespace inpaint
