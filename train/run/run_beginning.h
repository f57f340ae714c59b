// What a training run begins with: its pictures, those that it validates with, and the state that it goes on
// from. Several ranks call these together.
#pragma once

#include <functional>
#include <optional>

#include "train/checkpoint/resume.h"
#include "train/run/training_pictures.h"
#include "train/run/validation_pass.h"

namespace inpaint {

// What is worth a line on the screen.
using Say = std::function<void(const std::string& line)>;

// Rank 0 opens them first: it may have to decode them into a file. The others then find that. UserError where
// they cannot be read, or where the ranks see other numbers of them.
TrainingPictures open_pictures(const TrainSettings& settings, const Context& ctx, Ranks& ranks,
                               const Say& say);

// Where there is a set to validate with, and a wish to: the pictures of `data` that are held out, which go
// into it, or the data set's file. UserError where `patience` needs it and there is none.
std::optional<ValidationPass> open_validation(const TrainSettings& settings, TrainingPictures& data,
                                              const MaskFiles* masks, Ranks& ranks);

// Initial values or a checkpoint's, as begin_training does: those of rank 0, for all. The other ranks read no
// checkpoint. The state's place in the epoch is one that `data` has.
Beginning begin_together(const TrainSettings& settings, const PictureSet& data, const Context& ctx,
                         Model& model, Ranks& ranks, const Say& say);

}  // namespace inpaint
