// Pictures of a batch, u8 [N, H, W, C] with C 1 or 3, as images to look at.
#pragma once

#include "core/device/tensor.h"
#include "core/image/image.h"

namespace inpaint {

Image picture_of(const Tensor& pictures, int64_t n);

// All of them, floor(sqrt(N)) wide, with as many rows as that takes; cells left over are black. N >= 1.
Image picture_grid(const Tensor& pictures);

}  // namespace inpaint
