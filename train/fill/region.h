// A rectangle of a picture and its mask in the form that ops take, as it is or reduced.
#pragma once

#include <vector>

#include "core/base/pixel_box.h"
#include "core/device/tensor.h"
#include "core/image/image.h"

namespace inpaint {

// The box with `margin` pixels more on each side, as far as the picture reaches.
PixelBox grown(const PixelBox& box, int64_t margin, const Image& picture);

class Region {
 public:
  // The box lies inside the picture. mask: 1 channel, not 0 = missing.
  Region(const Image& picture, const Image& mask, const PixelBox& box);

  const PixelBox& box() const { return box_; }  // of the picture
  int64_t height() const { return height_; }    // of the region's pixels
  int64_t width() const { return width_; }
  int channels() const { return channels_; }

  Tensor pixels();  // f32 [1, height, width, channels] in [-1, 1]
  Tensor mask();    // u8 [1, height, width], 1 = missing
  float* pixel(int64_t row, int64_t column) { return values_.data() + (row * width_ + column) * channels_; }
  const float* pixel(int64_t row, int64_t column) const {
    return values_.data() + (row * width_ + column) * channels_;
  }
  bool is_missing(int64_t row, int64_t column) const { return missing_[index(row, column)] != 0; }
  void set_known(int64_t row, int64_t column) { missing_[index(row, column)] = 0; }

  // The same box with fewer pixels, each the mean of those it covers (by the shares of their areas); it is
  // missing when one of them is. 1 <= height, width at most as now.
  Region reduced(int64_t height, int64_t width) const;

  // The value at a pixel of the picture, given by row and column there: linear between the centres of the
  // region's pixels.
  void sample(int64_t row, int64_t column, float* to) const;

 private:
  Region(const PixelBox& box, int64_t height, int64_t width, int channels);
  size_t index(int64_t row, int64_t column) const { return static_cast<size_t>(row * width_ + column); }

  PixelBox box_;
  int64_t height_, width_;
  int channels_;
  std::vector<float> values_;
  std::vector<uint8_t> missing_;
};

}  // namespace inpaint
