// Texture for the missing part of pictures: it is copied from the known part in small square patches. A guide
// (the fill of a network, or the harmonic one) says what belongs where; the copies bring the detail.
//
//   mask     u8  [N, H, W]      not 0: the pixel is missing
//   pictures f32 [N, H, W, C]   in [-1, 1], C at most 4; the guide's fill where pixels are missing
//
// The missing pixels inside options.box are overwritten. All other pixels stay as they are, also missing ones
// outside the box. Only a part of the pictures is looked at: the box grown on each side by its own side, at
// least by 64 pixels, as far as the pictures reach.
//
// A patch is a square of options.patch pixels (odd, 3 to 9) inside that part. A target is a patch with a
// missing pixel. A source is a patch without one. Everything happens on a pyramid from the coarsest level to
// level 0. Each level is half as large as the one below; a coarse pixel is missing where one of its four is.
// At each level, in each round,
//
//   1. every target looks for its nearest source s, by the distance
//        d(t, s) = sum over the patch of |t - s|^2  +  guide_weight patch^2 |low(t) - low(s)|^2
//      where missing pixels have their present colours, and low is the mean of 7 x 7 pixels around the
//      patch's centre (those inside the part), of the pictures as they were given;
//   2. every missing pixel becomes the weighted mean of what the patches over it say:
//        weight = exp(-d / q) 1.3^(10 known / patch^2)  [ exp(-sharpness r^2) ]
//      with q: twice the third quartile of d over the picture's targets, by a histogram of 8 bins an octave;
//      known: the target's known pixels; r: from the pixel to the patch's centre. The last factor stands in
//      the last two rounds of a level: it keeps the result as sharp as the sources. What a patch says is its
//      source's colour + guide_colour (low(t) - low(s)): the texture of the source, with the guide's colour
//      where guide_colour is 1.
//
// A level begins with the matches of the next coarser level, doubled, and the picture that they give. The
// search of step 1 is PatchMatch: in each sweep a target tries the matches of the targets 1, 2 and 4 pixels
// away (left, right, above, below) as they were before the sweep, and random sources around its own match, in
// windows that halve down to a few pixels. At the coarsest level the first window is the whole part, at the
// others it reaches 128 pixels. So the result may miss the nearest source. The guide's weight is
// options.guide_weight, and at level 0 options.fine_guide_weight.
//
// Where the part holds no source, or is narrower than a patch, the pictures stay as they are.
//
// The random numbers are those of Philox for (seed, picture, target), and nothing depends on the order of
// the targets. So the result has the same bits for any number of threads and on every device. Picture n of a
// batch gets what it would get with seed + n as the only one.
//
// Sources: Barnes et al. 2009, "PatchMatch" (doi:10.1145/1531326.1531330), the search; Wexler et al. 2007,
// "Space-time completion of video" (doi:10.1109/TPAMI.2007.60), rounds and weights; Newson et al. 2014
// (doi:10.1137/140954933), matches carried from level to level.
#pragma once

#include "core/base/pixel_box.h"
#include "core/device/context.h"

namespace inpaint {

// The defaults are for large holes in photographs, with a guide that is smooth there, such as the harmonic
// fill. Its weight is small: with ten times as much, the patches follow the guide into a smear.
struct PatchMatchOptions {
  PixelBox box = {};  // holds the missing pixels of every picture; the whole picture where its height is 0
  int64_t patch = 5;
  float guide_weight = 0.03f;
  float fine_guide_weight = 0.01f;
  int levels = 0;  // 0: as many as leave the box's shorter side one patch, and the part's four
  int coarsest_rounds = 10, middle_rounds = 6, fine_rounds = 3;
  int sweeps = 2;          // in a round
  float sharpness = 2;     // 0 or larger
  float guide_colour = 0;  // from 0 to 1
  uint64_t seed = 0;
};

// For a picture as small as those that a model was trained on, painted by it: `side`, the longer one, in
// pixels. The model knows structure and colours; up to 64 pixels it takes the place of coarser levels. In a
// large photograph a few smears of a model lead the patches astray; there is enough to copy from.
inline PatchMatchOptions patch_match_of_painted(int64_t side) {
  return {.guide_weight = 0.5f,
          .fine_guide_weight = 0.5f,
          .levels = side <= 64 ? 1 : 0,
          .sharpness = 4,
          .guide_colour = 0.5f};
}

// Throws ShapeError for a box outside of the pictures, and for pictures or options that are not as above.
int64_t patch_match_workspace_bytes(const Context& ctx, const PatchMatchOptions& options,
                                    const Shape& pictures);
void patch_match(const Context& ctx, const PatchMatchOptions& options, const Tensor& mask,
                 const Tensor& pictures);

// The smallest box that holds the missing pixels of all masks [N, H, W], which the host can read; its height
// is 0 when there are none.
PixelBox missing_box(const Tensor& mask);

}  // namespace inpaint
