// What is done to a picture each time it is trained on. Every decision is a function of the seed, the epoch
// and the picture's number in its set, drawn from a stream of its own: nothing is stored, and no other
// decision, thread or order has a part in it.
#pragma once

#include <cstdint>

#include "train/data/picture_squares.h"

namespace inpaint {

struct Augmentation {
  bool flip = false;         // left and right exchanged, for half of the pictures
  bool random_crop = false;  // a random square of the picture, not the one in its middle
};

bool is_flipped(uint64_t seed, int64_t epoch, int64_t picture);

// A square of a height x width picture (scaled_for_squares) for a set of size x size: side and place are
// drawn, the side between size and the short side.
Square random_square(uint64_t seed, int64_t epoch, int64_t picture, int64_t height, int64_t width,
                     int64_t size);

// Exchanges left and right of size x size x channels bytes, in place.
void mirror(uint8_t* pixels, int64_t size, int channels);

}  // namespace inpaint
