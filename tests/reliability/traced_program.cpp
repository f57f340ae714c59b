#include "tests/reliability/traced_program.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <map>
#include <stdexcept>

#include "tests/harness/temporary_folder.h"

namespace inpaint {
namespace {

// The text at an address of the other process, as far as it is readable.
std::string text_at(pid_t thread, uint64_t address) {
  std::string text;
  while (text.size() < 4096) {
    errno = 0;
    const long word = ptrace(PTRACE_PEEKDATA, thread, address + text.size(), nullptr);
    if (errno != 0) return text;
    char bytes[sizeof word];
    std::memcpy(bytes, &word, sizeof word);
    for (const char c : bytes) {
      if (c == '\0') return text;
      text += c;
    }
  }
  return text;
}

void read_paths(SystemCall& call) {
  const auto text = [&](int argument) { return text_at(call.thread, call.arguments[argument]); };
  switch (call.number) {
    case SYS_openat:
    case SYS_unlinkat:
    case SYS_mkdirat:
      call.path = text(1);
      break;
    case SYS_renameat2:
      call.from = text(1);
      call.path = text(3);
      break;
#ifdef __x86_64__  // the calls of old
    case SYS_open:
    case SYS_unlink:
    case SYS_mkdir:
      call.path = text(0);
      break;
    case SYS_rename:
      call.from = text(0);
      call.path = text(1);
      break;
#endif
    default:
      break;
  }
}

#ifdef __x86_64__
constexpr bool kKnowsRegisters = true;
void set_call_number(pid_t thread, long number) {
  ptrace(PTRACE_POKEUSER, thread, offsetof(user_regs_struct, orig_rax), number);
}
void set_result(pid_t thread, int64_t result) {
  ptrace(PTRACE_POKEUSER, thread, offsetof(user_regs_struct, rax), result);
}
#else
constexpr bool kKnowsRegisters = false;
void set_call_number(pid_t, long) {}
void set_result(pid_t, int64_t) {}
#endif

class Tracer {
 public:
  Tracer(Program& program, const Watch& watch) : program_(program), watch_(watch) {}

  Ending run() {
    int status = 0;
    if (waitpid(program_.pid(), &status, 0) != program_.pid() || !WIFSTOPPED(status))
      throw std::runtime_error("the traced program did not stop at its start");
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC;
    if (ptrace(PTRACE_SETOPTIONS, program_.pid(), nullptr, options) != 0)
      throw std::runtime_error("PTRACE_SETOPTIONS");
    ptrace(PTRACE_SYSCALL, program_.pid(), nullptr, 0);
    while (true) {
      const pid_t thread = waitpid(-1, &status, __WALL);
      if (thread < 0) throw std::runtime_error("waitpid of a traced program");
      if (WIFEXITED(status) || WIFSIGNALED(status)) {
        if (thread == program_.pid()) return program_.ending_of(status);
        continue;
      }
      ptrace(PTRACE_SYSCALL, thread, nullptr, at_stop(thread, status));
    }
  }

 private:
  // Returns the signal to hand on.
  int at_stop(pid_t thread, int status) {
    const int signal = WSTOPSIG(status);
    if (signal == (SIGTRAP | 0x80)) {
      at_call(thread);
      return 0;
    }
    // Stops of the tracing itself: a new thread's first, and the events asked for.
    return signal == SIGTRAP || signal == SIGSTOP ? 0 : signal;
  }

  void at_call(pid_t thread) {
    __ptrace_syscall_info info{};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0) return;  // killed meanwhile
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
      SystemCall call{thread, thread == program_.pid(), static_cast<long>(info.entry.nr), {}, {}, {}};
      for (int i = 0; i < 6; ++i) call.arguments[i] = info.entry.args[i];
      read_paths(call);
      const Verdict verdict = killed_ ? Verdict::kLet : watch_.before(call);
      if (verdict == Verdict::kKill) {
        killed_ = true;
        program_.kill();
      }
      if (verdict == Verdict::kFail) set_call_number(thread, -1);
      pending_[thread] = {call, verdict};
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
      const auto found = pending_.find(thread);
      if (found == pending_.end()) return;
      const auto [call, verdict] = found->second;
      pending_.erase(found);
      if (verdict == Verdict::kFail) set_result(thread, -watch_.error);
      if (verdict == Verdict::kLet && watch_.after) watch_.after(call, info.exit.rval);
    }
  }

  Program& program_;
  const Watch& watch_;
  bool killed_ = false;
  std::map<pid_t, std::pair<SystemCall, Verdict>> pending_;
};

void offer_tracing() {
  setenv("ASAN_OPTIONS", "detect_leaks=0", 1);  // the search for leaks traces, too, and there can be one only
  if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(124);
  raise(SIGSTOP);
}

}  // namespace

bool tracing_works() {
  if (!kKnowsRegisters) return false;
  const pid_t child = fork();
  if (child == 0) _exit(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1);
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Ending run_traced(const std::string& program, const std::vector<std::string>& arguments,
                  const std::filesystem::path& folder, const Watch& watch) {
  const TemporaryFolder streams;
  Program traced(program, arguments, folder, streams.path(), offer_tracing);
  return Tracer(traced, watch).run();
}

}  // namespace inpaint
