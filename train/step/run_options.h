// What the settings mean for the parts of a run.
#pragma once

#include "train/model/model.h"
#include "train/settings/settings.h"
#include "train/step/step_options.h"

namespace inpaint {

ModelOptions model_options(const TrainSettings& settings);

StepOptions step_options(const TrainSettings& settings);

// Whether the gradients of the large weights are stored: sums over ranks or micro-batches need that.
HandedOver handed_over(const TrainSettings& settings, bool several_ranks);

// The pictures of a micro-batch, [N, S, S, C].
Shape picture_shape(const TrainSettings& settings);

// The element type of activations for this precision.
DType activation_type(const TrainSettings& settings);

}  // namespace inpaint
