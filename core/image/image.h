// Byte images: what the picture codecs produce and what data sets, sample grids and baselines are made from.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/error.h"

namespace inpaint {

// height x width x channels bytes in row, column, channel order; channels is 1 (grey) or 3 (RGB).
// No colour management: the bytes are those of the file, almost always sRGB.
struct Image {
  int64_t height = 0;
  int64_t width = 0;
  int channels = 0;
  std::vector<uint8_t> bytes;

  Image() = default;
  Image(int64_t height, int64_t width, int channels);  // black

  const uint8_t* pixel(int64_t row, int64_t column) const {
    return bytes.data() + (row * width + column) * channels;
  }
  uint8_t* pixel(int64_t row, int64_t column) { return bytes.data() + (row * width + column) * channels; }

  bool operator==(const Image&) const = default;
};

// The image with 1 or 3 channels. Grey is repeated into RGB; RGB becomes ITU-R BT.601 luma in integers,
// (19595 R + 38470 G + 7471 B + 2^15) >> 16, the same bytes as Pillow's convert("L").
Image with_channels(Image image, int channels);

// The part that starts at (row, column); it has to lie inside the image.
Image crop(const Image& image, int64_t row, int64_t column, int64_t height, int64_t width);

// The largest square in the middle; an odd pixel is left over at the bottom or right.
Image centre_square(const Image& image);

// Resampled with Catmull-Rom's cubic (widened when scaling down, so nothing aliases), edge pixels repeated,
// on the bytes as they are: the filter Pillow calls BICUBIC.
Image resize(const Image& image, int64_t height, int64_t width);

// Images of one shape laid out row by row, `columns` wide; cells left over are black.
Image image_grid(const std::vector<Image>& images, int columns);

}  // namespace inpaint
