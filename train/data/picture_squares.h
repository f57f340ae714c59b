// Square parts of pictures, scaled to the S x S of a set: the data conversion's, an evaluation's and
// the trainer's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/image/image.h"

namespace inpaint {

struct Square {
  int64_t row = 0, column = 0, side = 0;
  bool operator==(const Square&) const = default;
};

// Numbers for draw_square: uniform in [0, bound), another one for each of the draws 0, 1 and 2.
using DrawBelow = std::function<int64_t(int64_t bound, uint32_t draw)>;

// A square of a height x width picture, its side drawn between `least` (at most the short side) and the short
// side, its place drawn too.
Square draw_square(int64_t height, int64_t width, int64_t least, const DrawBelow& below);

// The square scaled to size x size, then grey or RGB.
Image square_image(const Image& picture, const Square& square, int64_t size, int channels);

// The same of the largest square in the middle.
Image centre_image(const Image& picture, int64_t size, int channels);

// The picture as random squares are cut from it: scaled down, where its short side is above 2 size, to a
// short side of 2 size; grey or RGB.
Image scaled_for_squares(const Image& picture, int64_t size, int channels);

// UserError "<name>: ..." when the short side is below size: pictures are never scaled up.
void check_large_enough(int64_t height, int64_t width, int64_t size, const std::string& name);

}  // namespace inpaint
