// Where a run reads and writes. All paths follow from the settings; nothing is made before make_run_folders.
#pragma once

#include <filesystem>

#include "core/file/new_folders.h"
#include "train/settings/settings.h"

namespace inpaint {

// <data_root>/<dataname><image_size>_<mode>.bin
std::filesystem::path data_file(const TrainSettings& settings, Split split);
inline std::filesystem::path data_file(const TrainSettings& settings) {
  return data_file(settings, settings.mode);
}
// <data_root>/<dataname><image_size>_train.cache: the pictures of data_dir, decoded; or _validate.cache
std::filesystem::path cache_file(const TrainSettings& settings, Split split = Split::kTrain);
// <checkpoint_root>/<dataname><image_size>/gpu<gpu>
std::filesystem::path checkpoint_folder(const TrainSettings& settings);
// <log_root>/<dataname><image_size>/gpu<gpu>
std::filesystem::path log_folder(const TrainSettings& settings);
// <sample_root>/<dataname><image_size>/gpu<gpu>/<mode>
std::filesystem::path sample_folder(const TrainSettings& settings);

// Makes the folders this mode writes to, where they are missing: all three in train mode, the sample folder
// in the others. What killed processes left half-written in them goes. Throws UserError, naming the flag that
// moves it, for a folder that cannot be made or written to. `made`: until the run has started.
void make_run_folders(const TrainSettings& settings, NewFolders& made);

// Appends the model's settings to configs.txt in the checkpoint folder. Throws UserError when that fails.
void append_configs(const TrainSettings& settings);

}  // namespace inpaint
