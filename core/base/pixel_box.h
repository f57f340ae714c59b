// A rectangle of pixels along the axes.
#pragma once

#include <cstdint>

namespace inpaint {

struct PixelBox {
  int64_t top = 0, left = 0, height = 0, width = 0;

  int64_t bottom() const { return top + height; }  // the first row below
  int64_t right() const { return left + width; }   // the first column to the right
  int64_t pixels() const { return height * width; }
  bool operator==(const PixelBox&) const = default;
};

}  // namespace inpaint
