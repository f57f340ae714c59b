// Fills of a hole of any form that need no learning and look at nothing but averages.
// (kernels/fill/harmonic_fill.h has the one that continues the surroundings.) A model is worth something
// from where it beats these. A picture gets one colour for all of its missing pixels.
//
//   kGrey       0, mid grey
//   kKnownMean  the mean, per channel, of all known pixels
//   kRingMean   the mean, per channel, of the ring: the known pixels that touch a missing one at a side or
//               a corner
//
//   mask     u8 [N, H, W]     0: known; everything else: missing
//   pictures f [N, H, W, C]   known pixels in [-1, 1], which are read and stay as they are; missing pixels
//                             are not read and are overwritten
//
// f is f32 or f64. A picture without a known pixel becomes grey. Sums in double, row by row.
#pragma once

#include "core/device/context.h"

namespace inpaint {

enum class BaselineFill { kGrey, kKnownMean, kRingMean };

void fill_baseline(const Context& ctx, BaselineFill fill, const Tensor& mask, const Tensor& pictures);

}  // namespace inpaint
