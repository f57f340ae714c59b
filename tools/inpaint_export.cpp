// Takes trained models to other programs, and back. All flags: --help.
#include "tools/export_options.h"
#include "tools/main_guard.h"

int main(int argc, char** argv) {
  return inpaint::run_main(argc, argv, [](int count, const char* const* arguments) {
    if (const auto settings = inpaint::parse_export_options(count, arguments)) inpaint::run_export(*settings);
    return inpaint::kExitDone;
  });
}
