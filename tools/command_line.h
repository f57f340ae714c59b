// The command line of inpaint_train.
//
//   --NAME=VALUE or --NAME VALUE    '-' and '_' are alike in a name; of equal flags the last one counts
//   --NAME, --noNAME                true and false, for flags that are true or false
//   --flags-file FILE               settings from a file (flags_file.h); the command line always wins
//   --help, --version
//
// Where image_channel is not given and a description lies beside the data set, it is the description's.
#pragma once

#include <optional>
#include <string>

#include "tools/program_table.h"
#include "train/settings/settings.h"

namespace inpaint {

// The checked settings, or nothing after --help or --version, which print to standard output.
// Throws UserError.
std::optional<TrainSettings> parse_command_line(int argc, const char* const* argv);

// Every flag, group by group, with default, range, unit and meaning.
std::string help_text(const std::string& program);

ProgramTable train_table();

}  // namespace inpaint
