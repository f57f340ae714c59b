// The shapes of a batch of pictures with a square hole in each, for code that visits pixels around the hole.
#pragma once

#include "core/device/tensor.h"

namespace inpaint {

struct HoleShape {
  int64_t pictures, rows, columns, channels;  // [N, R, W, C]
  int64_t hole;                               // H, side of the hole

  int64_t picture_values() const { return rows * columns * channels; }
  int64_t hole_values() const { return hole * hole * channels; }
};

struct HoleOffset {
  int64_t row, column;
};

// The shapes of pictures [N, R, W, C], offsets i32 [N, 2] and holes [N, H, H, C] that belong together; throws
// ShapeError, in which `what` names the caller, when they do not.
inline HoleShape hole_shape(const char* what, const Tensor& pictures, const Tensor& offsets,
                            const Tensor& holes) {
  if (pictures.shape.rank() != 4 || holes.shape.rank() != 4)
    throw ShapeError(fmt::format("{}: pictures {} and holes {} must have rank 4", what,
                                 to_string(pictures.shape), to_string(holes.shape)));
  const Shape& p = pictures.shape;
  const HoleShape shape{p[0], p[1], p[2], p[3], holes.shape[1]};
  expect_shape(what, holes, {p[0], shape.hole, shape.hole, p[3]}, pictures.dtype);
  expect_shape(what, offsets, {p[0], 2}, DType::kI32);
  return shape;
}

// Where the hole of picture n lies; throws ShapeError when it leaves the picture.
inline HoleOffset hole_offset(const char* what, const HoleShape& shape, const Tensor& offsets, int64_t n) {
  const int32_t* at = offsets.as<int32_t>() + 2 * n;
  if (at[0] < 0 || at[1] < 0 || at[0] + shape.hole > shape.rows || at[1] + shape.hole > shape.columns)
    throw ShapeError(fmt::format("{}: the hole of {} x {} at ({}, {}) leaves picture {} of {} x {}", what,
                                 shape.hole, shape.hole, at[0], at[1], n, shape.rows, shape.columns));
  return {at[0], at[1]};
}

}  // namespace inpaint
