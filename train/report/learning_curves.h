// How a run has learned, as charts of what it logged.
#pragma once

#include <optional>
#include <string>

#include "train/report/run_history.h"

namespace inpaint {

// HTML: charts of the reconstruction loss, of the validations (gain over the harmonic fill, PSNR, SSIM), of
// the losses of a discriminator, where there is one, and of the learning rate. A chart of many steps shows
// means of neighbouring ones. `checkpoint_step`, if given, is marked.
std::string learning_curves(const RunHistory& history, std::optional<int64_t> checkpoint_step);

// The validation that counts for its run: the one marked as the best, the last of those; else the last one.
// Nothing without validations.
const LogFigures* best_validation(const RunHistory& history);

}  // namespace inpaint
