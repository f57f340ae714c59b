// The forms of holes one by one; hole_form.h says what they look like. Each function takes an empty mask and
// draws one picture's holes.
#pragma once

#include <cstdint>

#include "train/holes/hole_draws.h"
#include "train/holes/hole_mask.h"

namespace inpaint {

// The fewest and the most missing pixels; 1 <= min <= max < pixels of the mask.
struct AreaBounds {
  int64_t min, max;
};

// The largest whole number whose square is at most `value`; value >= 0, below 2^62.
int64_t integer_root(int64_t value);

// A box of the given size, uniform over the places where it lies inside the mask.
PixelBox place_box(HoleDraws& draw, const HoleMask& mask, int64_t height, int64_t width);

void draw_square(HoleDraws& draw, HoleMask& mask);
void draw_boxes(HoleDraws& draw, const AreaBounds& bounds, HoleMask& mask);
void draw_strokes(HoleDraws& draw, const AreaBounds& bounds, HoleMask& mask);
void draw_blobs(HoleDraws& draw, const AreaBounds& bounds, HoleMask& mask);

}  // namespace inpaint
