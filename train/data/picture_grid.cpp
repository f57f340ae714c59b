#include "train/data/picture_grid.h"

#include <algorithm>

namespace inpaint {

Image picture_of(const Tensor& pictures, int64_t n) {
  const Shape& s = pictures.shape;
  INPAINT_CHECK(s.rank() == 4 && n >= 0 && n < s[0], "picture {} of {}", n, to_string(s));
  Image image(s[1], s[2], static_cast<int>(s[3]));
  const auto bytes = static_cast<int64_t>(image.bytes.size());
  std::copy_n(pictures.as<uint8_t>() + n * bytes, bytes, image.bytes.begin());
  return image;
}

Image picture_grid(const Tensor& pictures) {
  std::vector<Image> images;
  for (int64_t n = 0; n < pictures.shape[0]; ++n) images.push_back(picture_of(pictures, n));
  int columns = 1;
  while ((columns + 1) * (columns + 1) <= pictures.shape[0]) ++columns;
  return image_grid(images, columns);
}

}  // namespace inpaint
