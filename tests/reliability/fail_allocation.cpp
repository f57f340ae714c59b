// To be preloaded: lets the nth allocation from the beginning of main on fail, counted over all threads. The
// number is the value of INPAINT_FAIL_ALLOCATION; 0, or none, lets all succeed. At its end the process writes
// how many there were into the file that INPAINT_COUNT_ALLOCATIONS names.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace {

std::atomic<bool> counting = false;
std::atomic<long> allocations = 0;
long failing = 0;
int (*program_main)(int, char**, char**) = nullptr;

bool fails() {
  if (!counting || ++allocations != failing) return false;
  errno = ENOMEM;
  return true;
}

int counted_main(int argc, char** argv, char** environment) {
  if (const char* number = std::getenv("INPAINT_FAIL_ALLOCATION")) failing = std::atol(number);
  counting = true;
  const int exit_code = program_main(argc, argv, environment);
  counting = false;
  if (const char* path = std::getenv("INPAINT_COUNT_ALLOCATIONS")) {
    const int file = ::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || ::dprintf(file, "%ld", allocations.load()) < 0) std::abort();
    ::close(file);
  }
  return exit_code;
}

}  // namespace

extern "C" {

void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t size) noexcept { return fails() ? nullptr : __libc_malloc(size); }
void* calloc(size_t count, size_t size) noexcept { return fails() ? nullptr : __libc_calloc(count, size); }
void* realloc(void* old, size_t size) noexcept { return fails() ? nullptr : __libc_realloc(old, size); }
void* aligned_alloc(size_t alignment, size_t size) noexcept {
  return fails() ? nullptr : __libc_memalign(alignment, size);
}
int posix_memalign(void** result, size_t alignment, size_t size) noexcept {
  if (fails()) return ENOMEM;
  *result = __libc_memalign(alignment, size);
  return *result == nullptr ? ENOMEM : 0;
}

void* mmap(void* address, size_t size, int protection, int flags, int file, off_t offset) noexcept {
  if ((flags & MAP_ANONYMOUS) != 0 && fails()) return MAP_FAILED;  // fresh memory; a mapped file is none
  return reinterpret_cast<void*>(::syscall(SYS_mmap, address, size, protection, flags, file, offset));
}

int __libc_start_main(int (*main)(int, char**, char**), int argc, char** argv, void (*init)(), void (*fini)(),
                      void (*loader_fini)(), void* stack_end) {
  using Start = int (*)(int (*)(int, char**, char**), int, char**, void (*)(), void (*)(), void (*)(), void*);
  program_main = main;
  const auto real = reinterpret_cast<Start>(dlsym(RTLD_NEXT, "__libc_start_main"));
  return real(counted_main, argc, argv, init, fini, loader_fini, stack_end);
}

}  // extern "C"
