#include "train/holes/hole_sheet.h"

#include <algorithm>
#include <vector>

namespace inpaint {

Image hole_sheet(const Tensor& masks, int columns) {
  if (masks.shape.rank() != 3)
    throw ShapeError(fmt::format("hole_sheet: masks {} must have rank 3", to_string(masks.shape)));
  const int64_t height = masks.shape[1], width = masks.shape[2];
  const uint8_t* pixels = masks.as<uint8_t>();
  std::vector<Image> tiles;
  for (int64_t n = 0; n < masks.shape[0]; ++n) {
    Image tile(height + 2, width + 2, 1);
    std::fill(tile.bytes.begin(), tile.bytes.end(), uint8_t{128});
    for (int64_t row = 0; row < height; ++row)
      for (int64_t column = 0; column < width; ++column)
        *tile.pixel(row + 1, column + 1) = *pixels++ != 0 ? 255 : 0;
    tiles.push_back(std::move(tile));
  }
  return image_grid(tiles, columns);
}

}  // namespace inpaint
