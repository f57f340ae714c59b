// The command line of inpaint_export.
#pragma once

#include <optional>

#include "tools/program_table.h"
#include "train/export/export_run.h"

namespace inpaint {

// Nothing when --help or --version was printed. Throws UserError.
std::optional<ExportSettings> parse_export_options(int argc, const char* const* argv);

ProgramTable export_table();

}  // namespace inpaint
