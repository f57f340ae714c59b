// Validation and test as the source program has them (mode=validate, mode=test): batch after batch of
// <mode>.bin, three grids and a printed line each, and the means at the end. An incomplete last batch is
// left out unless it is the only one.
#pragma once

#include "train/settings/settings.h"

namespace inpaint {

// Returns the exit code. Throws UserError when there is no checkpoint or no data.
int run_validation(const TrainSettings& settings);

}  // namespace inpaint
