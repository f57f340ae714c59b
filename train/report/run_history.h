// What a run has logged, read back for its curves.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "train/settings/settings.h"

namespace inpaint {

// The numbers of a line of train_log.jsonl or validation_log.jsonl (train/log/run_text.h) by their name.
// true is 1, false is 0; what is null is missing.
using LogFigures = std::map<std::string, double, std::less<>>;

std::optional<double> figure(const LogFigures& figures, std::string_view name);

struct RunHistory {
  std::vector<LogFigures> steps, validations;  // in the order of the logs
};

inline constexpr int64_t kMostLogLines = 4000;  // that are read of a log

// The logs in a folder; nothing where it has no train_log.jsonl. Of a log with more than `most_lines` lines
// that many are read, evenly spread over its bytes, and the last one: the time does not grow with the log.
// Lines that are no JSON objects are passed over. UserError when a log cannot be read.
std::optional<RunHistory> read_history(const std::filesystem::path& log_folder,
                                       int64_t most_lines = kMostLogLines);

// The log folder of the run that a checkpoint file belongs to; nothing where the checkpoint does not lie in
// the checkpoint folder that its settings name. Folders that were moved or are seen from elsewhere are found
// when the relative paths of the run's folders still lead from one to the other.
std::optional<std::filesystem::path> log_folder_of(const std::filesystem::path& checkpoint,
                                                   const TrainSettings& settings);

}  // namespace inpaint
