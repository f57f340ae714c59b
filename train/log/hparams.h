// A run as a row of TensorBoard's page HPARAMS: contents of the summaries that its plugin reads, as bytes of
// hparams.proto. The columns are the same for every run of this program, whatever its model.
//
// A reader keeps the first summary of each kind that it finds in a folder. So a run that goes on keeps the
// row of its first start, and only a run that is complete says that it has ended.
#pragma once

#include <string>

#include "train/settings/settings.h"

namespace inpaint {

inline constexpr const char* kHparamsPlugin = "hparams";
inline constexpr const char* kExperimentTag = "_hparams_/experiment";
inline constexpr const char* kSessionStartTag = "_hparams_/session_start_info";
inline constexpr const char* kSessionEndTag = "_hparams_/session_end_info";

// The columns: the flags that the weights come from, and the scalars of a validation, whose last value is the
// run's. gain and psnr stay empty where there are none.
std::string hparams_experiment();

// The values of these flags. Times: seconds since 1970.
std::string hparams_session_start(const TrainSettings& settings, double seconds);
std::string hparams_session_end(double seconds);

}  // namespace inpaint
