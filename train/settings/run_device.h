// Where a run computes: `device`, `gpu`, `precision`, `threads` and `matrix_backend` of its settings
// made real.
#pragma once

#include "core/device/context.h"
#include "train/settings/settings.h"

namespace inpaint {

// The settings with a definite device and precision in the place of auto: a GPU where this program can use
// one, and on it bf16 where its tensor cores have that; else fp32. UserError when the device cannot do what
// is asked.
TrainSettings with_device(const TrainSettings& settings);

// For settings that with_device() has made definite.
Context open_context(const TrainSettings& settings);

}  // namespace inpaint
