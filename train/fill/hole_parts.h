// The parts of a hole: missing pixels that touch each other at a side or a corner.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/pixel_box.h"
#include "core/image/image.h"

namespace inpaint {

// Missing pixels side by side: columns begin ... end - 1 of a row.
struct HoleRun {
  int64_t row, begin, end;
  int64_t first;  // the number of its first pixel in the part
};

struct HolePart {
  PixelBox box;               // the smallest that holds the part
  std::vector<HoleRun> runs;  // by rows, then by columns
  int64_t pixels = 0;
};

// mask: 1 channel, not 0 = missing. In the order of their first pixels, row by row. The memory follows the
// number of runs.
std::vector<HolePart> hole_parts(const Image& mask);

// How wide the part is where it is widest: twice the largest distance of its pixels from the next known one,
// counted in steps to any of the eight neighbours. The picture's border is no known pixel: a hole that
// touches it counts double in that direction.
int64_t part_width(const HolePart& part, int64_t picture_height, int64_t picture_width);

}  // namespace inpaint
