// Where the holes are. Row and column of a random hole are uniform in [0, S / 2): as the source program draws
// them, the largest offset S / 2 itself never comes up. A centre hole lies at (S / 4, S / 4).
//
// Random holes are a function of (seed, stream, picture number): a resumed run continues the sequence.
#pragma once

#include <cstdint>

#include "core/base/philox.h"
#include "core/device/tensor.h"

namespace inpaint {

enum class HolePlacement { kRandom, kCenter };

// Writes (row, column) for the pictures first, first + 1, ...; offsets i32 [N, 2].
void place_holes(HolePlacement placement, const Philox& random, uint64_t first, int64_t image_size,
                 const Tensor& offsets);

// Overwrites mask u8 [N, S, S]: 1 in the square of S / 2 by S / 2 pixels whose corner offsets i32 [N, 2]
// give, else 0. Throws ShapeError for a square that leaves the picture.
void mark_squares(const Tensor& offsets, const Tensor& mask);

}  // namespace inpaint
