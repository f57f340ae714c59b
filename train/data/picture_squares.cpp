#include "train/data/picture_squares.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"

namespace inpaint {

Square draw_square(int64_t height, int64_t width, int64_t least, const DrawBelow& below) {
  const int64_t short_side = std::min(height, width);
  INPAINT_CHECK(least >= 1 && least <= short_side, "a square of {} from {} x {}", least, height, width);
  Square square;
  square.side = least + below(short_side - least + 1, 0);
  square.row = below(height - square.side + 1, 1);
  square.column = below(width - square.side + 1, 2);
  return square;
}

Image square_image(const Image& picture, const Square& square, int64_t size, int channels) {
  return with_channels(resize(crop(picture, square.row, square.column, square.side, square.side), size, size),
                       channels);
}

Image centre_image(const Image& picture, int64_t size, int channels) {
  return with_channels(resize(centre_square(picture), size, size), channels);
}

Image scaled_for_squares(const Image& picture, int64_t size, int channels) {
  const int64_t short_side = std::min(picture.height, picture.width), most = 2 * size;
  if (short_side <= most) return with_channels(picture, channels);
  const auto scaled = [&](int64_t side) {  // to the nearest pixel
    return (2 * side * most + short_side) / (2 * short_side);
  };
  return with_channels(resize(picture, scaled(picture.height), scaled(picture.width)), channels);
}

void check_large_enough(int64_t height, int64_t width, int64_t size, const std::string& name) {
  if (std::min(height, width) < size)
    user_error("{}: {} x {} pixels are too few for image_size {}", name, width, height, size);
}

}  // namespace inpaint
