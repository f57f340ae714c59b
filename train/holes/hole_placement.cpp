#include "train/holes/hole_placement.h"

#include <algorithm>

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

void mark_squares(const Tensor& offsets, const Tensor& mask) {
  const int64_t n = offsets.shape[0], size = mask.shape[1], side = size / 2;
  expect_shape("mark_squares offsets", offsets, {n, 2}, DType::kI32);
  expect_shape("mark_squares mask", mask, {n, size, size}, DType::kU8);
  uint8_t* pixels = mask.as<uint8_t>();
  std::fill_n(pixels, mask.elements(), uint8_t{0});
  for (int64_t i = 0; i < n; ++i) {
    const int32_t* at = offsets.as<int32_t>() + 2 * i;
    if (at[0] < 0 || at[1] < 0 || at[0] + side > size || at[1] + side > size)
      throw ShapeError(fmt::format("mark_squares: the square at ({}, {}) leaves picture {} of {} x {}", at[0],
                                   at[1], i, size, size));
    for (int64_t row = at[0]; row < at[0] + side; ++row)
      std::fill_n(pixels + (i * size + row) * size + at[1], side, uint8_t{1});
  }
}

}  // namespace inpaint
