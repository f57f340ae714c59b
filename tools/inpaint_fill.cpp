// Fills the missing part of the user's pictures. All flags: --help.
#include "tools/fill_options.h"
#include "tools/main_guard.h"

int main(int argc, char** argv) {
  return inpaint::run_main(argc, argv, [](int count, const char* const* arguments) {
    if (const auto settings = inpaint::parse_fill_options(count, arguments)) inpaint::run_fill(*settings);
    return inpaint::kExitDone;
  });
}
