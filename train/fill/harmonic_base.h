// The harmonic fill (kernels/fill/harmonic_fill.h) of one part of a picture's hole, in memory that follows
// the part and not the picture.
#pragma once

#include <vector>

#include "core/device/context.h"
#include "train/fill/hole_parts.h"

namespace inpaint {

// Parts whose box has more pixels than `largest_box` are filled in another way, below.
constexpr int64_t kLargestHarmonicBox = int64_t{1} << 21;

// The fill of the part's pixels in their order, `channels` values in [-1, 1] each. ctx: on the CPU.
//
// A part with a larger box: where it is narrow (part_width() at most kNarrowPart), it is filled piece by
// piece, each with a margin of four times its width, beyond which nothing is felt: the border's influence
// falls by exp(pi) over the width of a hole. Where it is wide, a smaller picture is filled, and the fill
// enlarged (linearly between pixels).
constexpr int64_t kNarrowPart = 128;
std::vector<float> harmonic_base(Context& ctx, const Image& picture, const Image& mask, const HolePart& part,
                                 int64_t largest_box = kLargestHarmonicBox);

}  // namespace inpaint
