// The command line of inpaint_fill.
#pragma once

#include <optional>

#include "tools/program_table.h"
#include "train/fill/fill_run.h"

namespace inpaint {

// Nothing when --help or --version was printed. Throws UserError.
std::optional<FillSettings> parse_fill_options(int argc, const char* const* argv);

ProgramTable fill_table();

}  // namespace inpaint
