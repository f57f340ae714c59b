// A method that paints holes: a model, or a fill without learning.
#pragma once

#include <functional>
#include <string>

#include "train/holes/holes.h"

namespace inpaint {

// Paints the holes of a batch: inpainted f32 [n, S, S, C] in [-1, 1], overwritten. Known pixels hold the
// picture's values, (byte - 127.5) / 127.5. All tensors lie in the host's memory.
using Painter = std::function<void(const Batch& batch, const Tensor& inpainted)>;

struct Method {
  std::string name;
  Painter paint;
};

}  // namespace inpaint
