// A program of ours with a look at each of its system calls, which may be the moment it is killed, or fail.
// (strace can do this by itself, but counts a thread's calls from the thread's start and aims at no thread:
// what saves here is one thread among several.)
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tests/reliability/program.h"

namespace inpaint {

struct SystemCall {
  pid_t thread;
  bool first_thread;  // the one that runs main
  long number;        // SYS_...
  uint64_t arguments[6];
  std::string path;  // of the calls that name one: open, rename (the new name), unlink, mkdir
  std::string from;  // of a rename: the old name
};

enum class Verdict { kLet, kKill, kFail };

struct Watch {
  // Before each call. kFail: the call is not made and returns `error`.
  std::function<Verdict(const SystemCall&)> before;
  // After each call that was let through, with its result (a negative errno when it failed).
  std::function<void(const SystemCall&, int64_t result)> after = {};
  int error = 0;
};

// False where the system refuses tracing, or where failing a call is not written for this processor.
bool tracing_works();

// Runs the program to its end under the watch.
Ending run_traced(const std::string& program, const std::vector<std::string>& arguments,
                  const std::filesystem::path& folder, const Watch& watch);

}  // namespace inpaint
