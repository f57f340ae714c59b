#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/harness/temporary_folder.h"

// libx265, with which tests write HEIC pictures, does not free all that it takes.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libx265.so\n"; }

// libx265, and the decoders behind libheif, have threads of their own. ThreadSanitizer does not see how these
// wait for each other, as it sees nothing of libraries compiled without it.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:libx265.so\nrace:libde265.so\nrace:libaom.so\nrace:libdav1d.so\n";
}

// ThreadSanitizer would wait for a second at the end of each process, for races that come so late.
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() { return "atexit_sleep_ms=0"; }

int main(int argc, char** argv) {
  const inpaint::TemporaryFolder cache;  // what is remembered between runs is not the user's while tests run
  setenv("XDG_CACHE_HOME", cache.path().c_str(), 1);
  return doctest::Context(argc, argv).run();
}
