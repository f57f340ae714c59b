#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/harness/temporary_folder.h"

// libx265, with which tests write HEIC pictures, does not free all that it takes.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libx265.so\n"; }

int main(int argc, char** argv) {
  const inpaint::TemporaryFolder cache;  // what is remembered between runs is not the user's while tests run
  setenv("XDG_CACHE_HOME", cache.path().c_str(), 1);
  return doctest::Context(argc, argv).run();
}
