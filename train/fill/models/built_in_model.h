// The model that the programs bring with them, for pictures of all kinds: what paints where no checkpoint is
// given. README.md of this folder says what it learnt from, and how to make it again.
#pragma once

#include "core/file/safetensors.h"

namespace inpaint {

// A file with what painting needs (train/export/painting_weights.h).
SafetensorsFile built_in_model();

}  // namespace inpaint
