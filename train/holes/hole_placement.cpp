#include "train/holes/hole_placement.h"

namespace inpaint {

void place_holes(HolePlacement placement, const Philox& random, uint64_t first, int64_t image_size,
                 const Tensor& offsets) {
  const int64_t n = offsets.shape[0];
  expect_shape("offsets", offsets, {n, 2}, DType::kI32);
  const auto bound = static_cast<uint32_t>(image_size / 2);
  int32_t* out = offsets.as<int32_t>();
  for (int64_t i = 0; i < n; ++i) {
    for (uint32_t axis = 0; axis < 2; ++axis) {
      out[2 * i + axis] =
          placement == HolePlacement::kCenter
              ? static_cast<int32_t>(image_size / 4)
              : static_cast<int32_t>(random.below(bound, first + static_cast<uint64_t>(i), axis));
    }
  }
}

}  // namespace inpaint
