// Scores a checkpoint, and the fills that need no learning, on a set of pictures. All flags: --help.
#include "tools/eval_options.h"
#include "tools/main_guard.h"

int main(int argc, char** argv) {
  return inpaint::run_main(argc, argv, [](int count, const char* const* arguments) {
    if (const auto settings = inpaint::parse_eval_options(count, arguments))
      inpaint::run_evaluation(*settings);
    return inpaint::kExitDone;
  });
}
