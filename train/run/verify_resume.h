// inpaint_train --verify_resume: the promise that a stopped and resumed run goes on exactly, put to the test
// on the user's own machine with the user's settings and data.
#pragma once

#include <filesystem>
#include <string>

#include "train/settings/settings.h"

namespace inpaint {

// Trains kVerifiedSteps steps in one go, and again in two halves with a checkpoint, a fresh start and its
// loading in between; compares every bit of the two last checkpoints: weights, moments, averages, and the
// rest of the state. Both runs begin anew and write into a temporary folder (TMPDIR), which goes afterwards;
// nothing of the user's run is read or changed but the data. Returns the exit code (128 + N after signal N).
// Error, naming the first difference, when the promise does not hold; UserError as run_training.
inline constexpr int kVerifiedSteps = 10;
int verify_resume(const TrainSettings& settings);

// How two checkpoints differ in tensors or state, or "".
std::string first_difference(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace inpaint
