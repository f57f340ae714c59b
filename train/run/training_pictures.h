// The pictures a run trains on: <dataname><image_size>_train.bin, or with data_dir the picture files of
// a folder, of which validate_share holds some out to validate with.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/device/context.h"
#include "train/data/picture_set.h"
#include "train/settings/settings.h"

namespace inpaint {

struct TrainingPictures {
  std::unique_ptr<PictureSet> set;
  int workers = 1;                       // to load them with
  std::unique_ptr<PictureSet> held_out;  // null where validate_share is 0
};

// A folder's files that show at once that they cannot be used (no picture, too small) are left out, with
// data_cache also those that cannot be decoded; `say` is told of them, and of a cache that has to be made.
// UserError when nothing can be used.
TrainingPictures open_training_pictures(const TrainSettings& settings, const Context& ctx,
                                        const std::function<void(const std::string& line)>& say);

// What mode=validate and mode=test look at: <dataname><image_size>_<mode>.bin, or, to validate with, what
// validate_share holds out. UserError when it is not there.
TrainingPictures open_validation_pictures(const TrainSettings& settings, Split mode, const Context& ctx,
                                          const std::function<void(const std::string& line)>& say);

}  // namespace inpaint
