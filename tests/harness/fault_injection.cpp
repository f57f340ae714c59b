#undef _FORTIFY_SOURCE  // its inline versions of the calls below would clash with ours
#include "tests/harness/fault_injection.h"

#include <dlfcn.h>
#include <sys/types.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdarg>
#include <cstddef>
#include <thread>
#include <vector>

namespace inpaint::faults {
namespace {

std::atomic<bool> g_armed = false, g_released = false;
std::atomic<int> g_calls = 0;
Injection::What g_what = Injection::What::kFail;
int g_nth = 0, g_error = 0;

enum class Kind { kWrite, kReported, kSilent };

bool counts(Kind kind) {
  using What = Injection::What;
  if (g_what == What::kKill) return true;
  if (g_what == What::kSpoilWrite || g_what == What::kTearWrite) return kind == Kind::kWrite;
  return kind != Kind::kSilent;
}

// True: the call shall fail, errno is set.
bool struck(Kind kind) {
  using What = Injection::What;
  if (!g_armed || !counts(kind)) return false;
  const int call = ++g_calls;
  if (g_what == What::kSpoilWrite) return false;
  if (g_what == What::kTearWrite) {
    errno = g_error;
    return call == g_nth + 1;
  }
  if (g_what == What::kShortWrites) {
    errno = EINTR;
    return call % 2 == 0;
  }
  if (g_what == What::kFailAlways ? call < g_nth : call != g_nth) return false;
  if (g_what == What::kKill) raise(SIGKILL);
  if (g_what == What::kHold) {
    while (!g_released) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return false;
  }
  errno = g_error;
  return true;
}

// The call as the program would have it without ours: the C library's, or a sanitizer's, which has to see it.
template <typename F>
F* next(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

ssize_t armed_write(int fd, const void* data, size_t size) {
  using What = Injection::What;
  static const auto real = next<ssize_t(int, const void*, size_t)>("write");
  if (g_armed && g_what == What::kShortWrites && size > 1) size /= 2;
  if (g_armed && g_what == What::kTearWrite && g_calls == g_nth) size /= 2;
  if (!g_armed || g_what != What::kSpoilWrite || g_calls != g_nth) return real(fd, data, size);
  std::vector<char> spoilt(static_cast<const char*>(data), static_cast<const char*>(data) + size);
  spoilt[size / 2] ^= 1;
  return real(fd, spoilt.data(), size);
}

}  // namespace

Injection::Injection(What what, int nth, int error) {
  g_calls = 0;
  g_released = false;
  g_what = what;
  g_nth = nth;
  g_error = error;
  g_armed = true;
}
Injection::~Injection() {
  g_armed = false;
  g_released = true;
}
int Injection::calls() const { return g_calls; }
void Injection::release() { g_released = true; }

}  // namespace inpaint::faults

using inpaint::faults::Kind;
using inpaint::faults::next;
using inpaint::faults::struck;

extern "C" {

int open(const char* path, int flags, ...) {
  static const auto real = next<int(const char*, int, ...)>("open");
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode = va_arg(arguments, unsigned);  // meaningless, and ignored, without O_CREAT
  va_end(arguments);
  return struck(Kind::kReported) ? -1 : real(path, flags, mode);
}

ssize_t write(int fd, const void* data, size_t size) {
  return struck(Kind::kWrite) ? -1 : inpaint::faults::armed_write(fd, data, size);
}

int fsync(int fd) {
  static const auto real = next<int(int)>("fsync");
  return struck(Kind::kReported) ? -1 : real(fd);
}

int rename(const char* from, const char* to) noexcept {
  static const auto real = next<int(const char*, const char*)>("rename");
  return struck(Kind::kReported) ? -1 : real(from, to);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  static const auto real = next<int(int, const char*, int, const char*, unsigned)>("renameat2");
  return struck(Kind::kReported) ? -1 : real(from_folder, from, to_folder, to, flags);
}

int ftruncate(int fd, off_t size) noexcept {
  static const auto real = next<int(int, off_t)>("ftruncate");
  return struck(Kind::kReported) ? -1 : real(fd, size);
}

int flock(int fd, int operation) noexcept {
  static const auto real = next<int(int, int)>("flock");
  return struck(Kind::kSilent) ? -1 : real(fd, operation);
}

int unlink(const char* path) noexcept {
  static const auto real = next<int(const char*)>("unlink");
  return struck(Kind::kSilent) ? -1 : real(path);
}

int close(int fd) {
  static const auto real = next<int(int)>("close");
  return struck(Kind::kSilent) ? -1 : real(fd);
}

}  // extern "C"
