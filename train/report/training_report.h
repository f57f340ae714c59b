// report.html: how a training run went, for people.
#pragma once

#include <filesystem>
#include <string>

#include "train/report/run_history.h"
#include "train/settings/settings.h"

namespace inpaint {

// The page of a run: its last and its best validation, its curves, sample pictures of up to six epochs
// (<epoch>_0.png, _1, _2 in `samples`; files that cannot be read are left out), its settings.
std::string training_report(const TrainSettings& settings, const RunHistory& history,
                            const std::filesystem::path& samples);

// Reads the run's logs and sample pictures, and writes <log folder>/report.html, whole or not at all. Returns
// its path. UserError where there are no logs, or the file cannot be written.
std::filesystem::path write_training_report(const TrainSettings& settings);

// The settings of a run by flag, as a table of a page.
std::string settings_table(const TrainSettings& settings);

}  // namespace inpaint
