#include "tools/main_guard.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <system_error>

#include "core/base/error.h"
#include "core/base/plain_text.h"
#include "core/base/signal_thread.h"
#include "core/cpu/level.h"
#include "core/ranks/launch.h"

namespace inpaint {
namespace {
// Messages quote file names and values, which may hold anything; the line stays one line.
int report(int exit_code, const std::string& message) {
  std::fflush(stdout);  // what was printed before comes first
  std::fprintf(stderr, "error: %s%s\n", rank_prefix().c_str(), escaped(message).c_str());
  return exit_code;
}

// Standard output is a pipe whose reader has closed it.
bool nobody_reads_output() {
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  return poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0;
}
}  // namespace

int run_main(int argc, const char* const* argv, int (*body)(int argc, const char* const* argv)) {
  try {
    if (const std::string problem = cpu_level_problem(); !problem.empty()) throw UserError(problem);
    start_signal_thread();
    const int exit_code = body(argc, argv);
    errno = 0;
    if ((std::fflush(stdout) != 0 || std::ferror(stdout) != 0) && exit_code == kExitDone) {
      if (nobody_reads_output()) return kExitClosedPipe;
      return report(kExitFailure, fmt::format("cannot write to standard output{}{}", errno == 0 ? "" : ": ",
                                              errno == 0 ? "" : std::strerror(errno)));
    }
    return exit_code;
  } catch (const UserError& error) {
    return report(kExitUserError, error.what());
  } catch (const std::bad_alloc&) {
    std::fflush(stdout);
    std::fputs("error: out of memory; a smaller batch_size or image_size needs less\n",
               stderr);  // allocates nothing
    return kExitFailure;
  } catch (const std::system_error& error) {  // of a print, or of a thread that did not start
    if (error.code() == std::errc::broken_pipe) return kExitClosedPipe;
    if (error.code() == std::errc::resource_unavailable_try_again)
      return report(kExitFailure,
                    "cannot start a thread: too little memory, or too many threads run already");
    return report(kExitFailure, error.what());
  } catch (const std::exception& error) {
    return report(kExitFailure, error.what());
  } catch (...) {
    return report(kExitFailure, "unknown exception");
  }
}

}  // namespace inpaint
