// Where a run begins: at its first step, or at a checkpoint.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/checkpoint/run_state.h"
#include "train/model/model.h"
#include "train/settings/settings.h"

namespace inpaint {

struct Beginning {
  RunState state;
  std::vector<std::string> notes;  // lines for the user
  std::filesystem::path file;      // the checkpoint it begins at; empty: none
};

// A training run's beginning: fills the model with initial values, or with the checkpoint that the setting
// `resume` names ("auto": the newest of the folder, if any; "best": the best one by validation). UserError
// when it cannot be used: of another network, damaged (the setting `fallback` allows an older good one in
// the place of the folder's newest), or when resume=never would start a second history in a folder that
// holds checkpoints.
Beginning begin_training(const TrainSettings& settings, const std::filesystem::path& folder,
                         const Context& ctx, Model& model);

// A validation's beginning: the checkpoint that `resume` names must exist.
Beginning begin_validation(const TrainSettings& settings, const std::filesystem::path& folder,
                           const Context& ctx, Model& model);

}  // namespace inpaint
