// What a network that paints reads: byte pictures as numbers, and the filled picture with its mask.
//
//   normalize_pictures:  pictures = (images - 127.5) / 127.5      all pixels, hidden ones too
//   append_mask:         x[n,i,j,c] = filled[n,i,j,c] for c < C
//                        x[n,i,j,C] = 1 where the pixel is missing, else 0
//
//   images u8 [N, H, W, C]
//   pictures, filled f [N, H, W, C]     f32 or f64
//   mask u8 [N, H, W]                   0 is known, every other byte is missing
//   x [N, H, W, C + 1]                  bf16 where f is f32, or f
//
// Outputs are overwritten. A bf16 value is rounded once. There is no gradient: nothing here is learned.
#pragma once

#include "core/device/context.h"

namespace inpaint {

void normalize_pictures(const Context& ctx, const Tensor& images, const Tensor& pictures);
void append_mask(const Context& ctx, const Tensor& filled, const Tensor& mask, const Tensor& x);

}  // namespace inpaint
