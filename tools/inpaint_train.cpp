// Trains a hole-filling model, or validates or tests one (--mode). All flags: --help.
#include "core/ranks/open_ranks.h"
#include "tools/command_line.h"
#include "tools/main_guard.h"
#include "train/run/run_plan.h"
#include "train/run/training_run.h"
#include "train/run/validation_run.h"
#include "train/run/verify_resume.h"

int main(int argc, char** argv) {
  return inpaint::run_main(argc, argv, [](int count, const char* const* arguments) {
    const auto settings = inpaint::parse_command_line(count, arguments);
    if (!settings) return 0;
    const auto ranks = inpaint::open_ranks(settings->rank_timeout);
    inpaint::check_ranks(*settings, ranks->count());
    if (settings->plan) return inpaint::show_plan(*settings);
    if (settings->verify_resume) return inpaint::verify_resume(*settings);
    return settings->mode == inpaint::Split::kTrain ? inpaint::run_training(*settings, stdout, *ranks)
                                                    : inpaint::run_validation(*settings);
  });
}
