#include "core/image/image.h"

#include <algorithm>
#include <cstring>

namespace inpaint {

Image::Image(int64_t h, int64_t w, int c) : height(h), width(w), channels(c) {
  INPAINT_CHECK(h >= 0 && w >= 0 && (c == 1 || c == 3), "image {} x {} x {}", h, w, c);
  bytes.resize(static_cast<size_t>(h * w * c));
}

Image with_channels(Image image, int channels) {
  if (image.channels == channels) return image;
  Image out(image.height, image.width, channels);
  const int64_t pixels = image.height * image.width;
  const uint8_t* from = image.bytes.data();
  uint8_t* to = out.bytes.data();
  if (channels == 3) {
    for (int64_t i = 0; i < pixels; ++i) std::memset(to + 3 * i, from[i], 3);
  } else {
    for (int64_t i = 0; i < pixels; ++i, from += 3)
      to[i] = static_cast<uint8_t>((19595u * from[0] + 38470u * from[1] + 7471u * from[2] + 0x8000u) >> 16);
  }
  return out;
}

Image crop(const Image& image, int64_t row, int64_t column, int64_t height, int64_t width) {
  INPAINT_CHECK(row >= 0 && column >= 0 && row + height <= image.height && column + width <= image.width,
                "crop of {} x {} at ({}, {}) from {} x {}", height, width, row, column, image.height,
                image.width);
  Image out(height, width, image.channels);
  for (int64_t i = 0; i < height; ++i)
    std::copy_n(image.pixel(row + i, column), width * image.channels, out.pixel(i, 0));
  return out;
}

Image centre_square(const Image& image) {
  const int64_t side = std::min(image.height, image.width);
  return crop(image, (image.height - side) / 2, (image.width - side) / 2, side, side);
}

Image image_grid(const std::vector<Image>& images, int columns) {
  INPAINT_CHECK(!images.empty() && columns >= 1, "grid of {} images, {} wide", images.size(), columns);
  const Image& first = images.front();
  const int64_t rows = (static_cast<int64_t>(images.size()) + columns - 1) / columns;
  Image grid(rows * first.height, columns * first.width, first.channels);
  for (size_t i = 0; i < images.size(); ++i) {
    const Image& image = images[i];
    INPAINT_CHECK(
        image.height == first.height && image.width == first.width && image.channels == first.channels,
        "image {} of the grid is {} x {} x {}, the first is {} x {} x {}", i, image.height, image.width,
        image.channels, first.height, first.width, first.channels);
    const int64_t top = static_cast<int64_t>(i) / columns * first.height;
    const int64_t left = static_cast<int64_t>(i) % columns * first.width;
    for (int64_t row = 0; row < image.height; ++row)
      std::copy_n(image.pixel(row, 0), image.width * image.channels, grid.pixel(top + row, left));
  }
  return grid;
}

}  // namespace inpaint
