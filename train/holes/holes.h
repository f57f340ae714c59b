#pragma once

#include "core/device/tensor.h"

namespace inpaint {

// What is missing of the pictures of a batch.
struct Holes {
  Tensor mask;  // u8 [N, S, S], 1 = missing
  // i32 [N, 2], (row, column) of the corner, where every hole is a square of half the side; else empty
  Tensor offsets;
};

// Pictures with their holes.
struct Batch {
  Tensor pictures;  // u8 [N, S, S, C]
  Holes holes;
};

}  // namespace inpaint
