// The painted picture: the filled one, with the network's residual added where pixels are missing.
//
//   painted = filled + residual      where the pixel is missing
//   painted = filled                 elsewhere, bit for bit: filled holds the picture's own pixels there
//
//   filled, painted f [N, H, W, C]   f32 or f64; painted is overwritten, and may be filled itself
//   residual [N, H, W, C]            bf16 where f is f32, or f; the sum is made in f
//   mask u8 [N, H, W]                0 is known, every other byte is missing
//
// The residual's gradient is the painted picture's where pixels are missing, and 0 elsewhere: the gradient
// that hole_loss.h writes is both. What the residual holds at known pixels does not count.
#pragma once

#include "core/device/context.h"

namespace inpaint {

void compose_hole(const Context& ctx, const Tensor& filled, const Tensor& residual, const Tensor& mask,
                  const Tensor& painted);

}  // namespace inpaint
