// Settings as lines of a file.
//
//   # a comment: a '#' at the start of a line, or after a space or a tab
//   learning_rate=0.0002       spaces around name and value do not count
//   --image-size = 128         leading "--" is allowed, '-' and '_' are alike in a name
//   dataname="street #3"       a value in double quotes is taken as it is; in it, \" and \\ are escapes
//
// Lines may end in CR LF, and a UTF-8 byte order mark at the start is passed over; UTF-16 is refused. A name
// may stand in a file once.
#pragma once

#include <string>

#include "train/settings/settings.h"

namespace inpaint {

// Reads the file into the settings; flags it does not name keep their value. Throws UserError with file
// and line.
void read_flags_file(const std::string& path, TrainSettings& settings);

// Every flag as a flags file: reading it gives equal settings, to the bit.
std::string to_run_cfg(const TrainSettings& settings);

}  // namespace inpaint
