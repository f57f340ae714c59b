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
//
// A second loss, whose network reads the painted picture with its mask (append_mask of picture_input.h), adds
// its gradient by compose_hole_backward:
//
//   dresidual[n,i,j,c] += scale * dx[n,i,j,c] for c < C      where the pixel is missing; else it stays
//   squares = sum of dx[n,i,j,c]^2 for c < C                 over the missing pixels, without the scale
//
//   dx [N, H, W, C + 1], dresidual [N, H, W, C]      bf16, f32 or f64, both alike
//   scale f64[1]       rounded to what is computed in. It lives on the device because it changes from step to
//                      step: a recorded step can be replayed.
//   squares f64[1]     overwritten; skipped when empty
//
// A value of dresidual is rounded once. squares is summed in double, in a fixed order. It needs
// compose_hole_backward_workspace_bytes().
#pragma once

#include "core/device/context.h"

namespace inpaint {

void compose_hole(const Context& ctx, const Tensor& filled, const Tensor& residual, const Tensor& mask,
                  const Tensor& painted);

int64_t compose_hole_backward_workspace_bytes(const Context& ctx, const Shape& dresidual);
void compose_hole_backward(const Context& ctx, const Tensor& dx, const Tensor& mask, const Tensor& scale,
                           const Tensor& dresidual, const Tensor& squares = {});

}  // namespace inpaint
