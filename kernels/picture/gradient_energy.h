// How much detail the missing pixels of byte pictures have: large for sharp texture, 0 for a flat colour.
//
//   energy[n] = sum over missing pixels (i, j) and channels of
//               (a[i + 1, j] - a[i, j])^2 + (a[i, j + 1] - a[i, j])^2
//
// The first pixel of a difference is missing, the second may be known. A difference that would leave the
// picture is left out.
//
//   a      u8 [N, H, W, C]
//   mask   u8 [N, H, W]      0: known; everything else: missing
//   energy f64 [N]           overwritten
//
// The sum is an integer, exact below 2^53, in any order. Compare a painted hole with the true pixels: a ratio
// below 1 means that it is smoother than they are.
#pragma once

#include "core/device/context.h"

namespace inpaint {

void gradient_energy(const Context& ctx, const Tensor& a, const Tensor& mask, const Tensor& energy);

}  // namespace inpaint
