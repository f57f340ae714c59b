// Serves a page on which the missing part of a picture is marked and filled. All flags: --help.
#include "tools/main_guard.h"
#include "tools/serve_options.h"

int main(int argc, char** argv) {
  return inpaint::run_main(argc, argv, [](int count, const char* const* arguments) {
    const auto settings = inpaint::parse_serve_options(count, arguments);
    return settings ? inpaint::run_serve(*settings) : inpaint::kExitDone;
  });
}
