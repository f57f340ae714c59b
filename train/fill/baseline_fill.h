// Fills of a square hole that need no learning and look at nothing but averages; harmonic_fill.h has the one
// that continues the surroundings. A model is worth something from where it beats these.
//
//   kGrey       0, mid grey
//   kKnownMean  the mean, per channel, of all pixels outside the hole
//   kRingMean   the mean, per channel, of the ring around the hole: the pixels outside that touch it,
//               at a side or a corner, as far as the picture reaches
//
//   masked   f [N, R, W, C]  pictures in [-1, 1]; what stands in the hole is not read
//   offsets  i32 [N, 2]      (row, column) of the hole's top left corner
//   fake     f [N, H, H, C]  overwritten
//
// f is f32 or f64, alike within a call. A picture that is all hole has no known pixel: grey. Sums in double,
// in a fixed order. Throws ShapeError for a hole that leaves the picture.
#pragma once

#include "core/device/context.h"

namespace inpaint {

enum class BaselineFill { kGrey, kKnownMean, kRingMean };

void fill_baseline(const Context& ctx, BaselineFill fill, const Tensor& masked, const Tensor& offsets,
                   const Tensor& fake);

}  // namespace inpaint
