// Where the holes of an evaluation come from. The hole of a picture depends on the source and the picture's
// number alone. So every method paints the same holes, in whatever batches they come.
#pragma once

#include <cstdint>
#include <functional>

#include "train/holes/hole_form.h"
#include "train/holes/hole_placement.h"
#include "train/holes/holes.h"

namespace inpaint {

struct HoleSource {
  bool squares;  // of half the side, every one: the offsets are written too
  // Overwrites the mask u8 [1, S, S] of picture `number` and, for squares, its offsets i32 [1, 2].
  std::function<void(int64_t number, const Holes& holes)> draw;
};

// Squares of half the side.
HoleSource placed_squares(HolePlacement placement, uint64_t seed);

// Holes as draw_holes() draws them; the mask files, if there are any, have to outlive the source.
HoleSource drawn_holes(const HoleOptions& options, uint64_t seed);

}  // namespace inpaint
