// The mask of one picture while holes are drawn into it. It counts the missing pixels.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/pixel_box.h"

namespace inpaint {

class HoleMask {
 public:
  // `pixels`: height x width bytes. They are overwritten with 0: all known.
  HoleMask(uint8_t* pixels, int64_t height, int64_t width) : pixels_(pixels), height_(height), width_(width) {
    clear();
  }

  int64_t height() const { return height_; }
  int64_t width() const { return width_; }
  int64_t pixels() const { return height_ * width_; }
  int64_t side() const { return std::min(height_, width_); }
  int64_t missing() const { return missing_; }
  bool is_missing(int64_t index) const { return pixels_[index] != 0; }

  void clear() {
    std::fill_n(pixels_, pixels(), uint8_t{0});
    missing_ = 0;
  }
  void add(int64_t index) {
    missing_ += 1 - pixels_[index];
    pixels_[index] = 1;
  }
  void take_away(int64_t index) {
    missing_ -= pixels_[index];
    pixels_[index] = 0;
  }
  void add(const PixelBox& box) {
    for (int64_t row = box.top; row < box.bottom(); ++row)
      for (int64_t column = box.left; column < box.right(); ++column) add(row * width_ + column);
  }

 private:
  uint8_t* pixels_;
  int64_t height_, width_;
  int64_t missing_ = 0;
};

}  // namespace inpaint
