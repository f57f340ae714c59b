// A method that paints holes: a model, or a fill without learning.
#pragma once

#include <functional>
#include <string>

#include "core/device/tensor.h"

namespace inpaint {

// Paints the holes of a batch: masked f32 [n, S, S, C] with 0 in the holes, offsets i32 [n, 2], fake
// f32 [n, H, H, C] to be overwritten. n is at most the capacity of the batch.
using Painter = std::function<void(const Tensor& masked, const Tensor& offsets, const Tensor& fake)>;

struct Method {
  std::string name;
  Painter paint;
};

}  // namespace inpaint
