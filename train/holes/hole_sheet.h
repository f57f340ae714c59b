// A sheet of masks to look at.
#pragma once

#include "core/device/tensor.h"
#include "core/image/image.h"

namespace inpaint {

// Masks u8 [N, H, W], 1 = missing, as a grey picture: rows of `columns` masks from left to right, missing
// white, known black. A grey line of one pixel runs around every mask. N >= 1, columns >= 1.
Image hole_sheet(const Tensor& masks, int columns);

}  // namespace inpaint
