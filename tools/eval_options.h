// The command line of inpaint_eval.
#pragma once

#include <optional>

#include "tools/program_table.h"
#include "train/score/evaluation_run.h"

namespace inpaint {

// The settings, or nothing after --help or --version, which print to standard output. Throws UserError.
std::optional<EvaluationSettings> parse_eval_options(int argc, const char* const* argv);

ProgramTable eval_table();

}  // namespace inpaint
