// What a fill may see of a picture.
#pragma once

#include "core/device/context.h"
#include "train/holes/holes.h"

namespace inpaint {

// Overwrites pictures f32 [N, S, S, C] with (byte - 127.5) / 127.5 where a pixel is known, and with 0, mid
// grey, where it is missing. All tensors lie in the host's memory.
void show_known_pixels(const Context& ctx, const Batch& batch, const Tensor& pictures);

}  // namespace inpaint
