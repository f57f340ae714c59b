#include "tools/main_guard.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>

#include "core/error.h"

namespace inpaint {
namespace {
// Messages quote file names and values, which may hold anything; the line stays one line.
int report(int exit_code, std::string message) {
  for (char& c : message)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  std::fflush(stdout);  // what was printed before comes first
  std::fprintf(stderr, "error: %s\n", message.c_str());
  return exit_code;
}
}  // namespace

int run_main(int argc, const char* const* argv, int (*body)(int argc, const char* const* argv)) {
  try {
    const int exit_code = body(argc, argv);
    errno = 0;
    if ((std::fflush(stdout) != 0 || std::ferror(stdout) != 0) && exit_code == kExitDone)
      return report(kExitFailure, fmt::format("cannot write to standard output{}{}", errno == 0 ? "" : ": ",
                                              errno == 0 ? "" : std::strerror(errno)));
    return exit_code;
  } catch (const UserError& error) {
    return report(kExitUserError, error.what());
  } catch (const std::bad_alloc&) {
    std::fflush(stdout);
    std::fputs("error: out of memory; a smaller batch_size or image_size needs less\n",
               stderr);  // allocates nothing
    return kExitFailure;
  } catch (const std::exception& error) {
    return report(kExitFailure, error.what());
  } catch (...) {
    return report(kExitFailure, "unknown exception");
  }
}

}  // namespace inpaint
