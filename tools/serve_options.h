// The command line of inpaint_serve.
#pragma once

#include <optional>

#include "tools/program_table.h"
#include "train/serve/serve_run.h"

namespace inpaint {

// Nothing when --help or --version was printed. Throws UserError.
std::optional<ServeSettings> parse_serve_options(int argc, const char* const* argv);

ProgramTable serve_table();

}  // namespace inpaint
