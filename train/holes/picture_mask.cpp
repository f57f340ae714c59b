#include "train/holes/picture_mask.h"

#include <algorithm>
#include <vector>

#include "core/image/image_codec.h"

namespace inpaint {
namespace {

bool is_two_valued(uint8_t grey) { return grey <= kMaskTolerance || grey >= 255 - kMaskTolerance; }

void check_two_valued(const std::string& name, const Image& grey) {
  const auto between = std::ranges::count_if(grey.bytes, [](uint8_t value) { return !is_two_valued(value); });
  if (between == 0) return;
  const auto first = std::ranges::find_if(grey.bytes, [](uint8_t value) { return !is_two_valued(value); });
  const int64_t at = first - grey.bytes.begin();
  user_error(
      "{}: not a mask of black and white: {} of {} pixels lie between {} and {}, the first, of {}, in row "
      "{}, column {}; make it two-valued (a threshold) or take the file out",
      name, between, grey.bytes.size(), kMaskTolerance + 1, 254 - kMaskTolerance, *first, at / grey.width,
      at % grey.width);
}

// A line of `count` values, `step` apart: 1 within `reach` of a 1.
void grow_line(uint8_t* line, int64_t count, int64_t step, int64_t reach, std::vector<int64_t>& nearest) {
  const int64_t far = count + reach + 1;
  nearest.assign(static_cast<size_t>(count), far);
  for (int64_t k = 0, last = -far; k < count; ++k) {
    if (line[k * step] != 0) last = k;
    nearest[static_cast<size_t>(k)] = k - last;
  }
  for (int64_t k = count - 1, last = count + far; k >= 0; --k) {
    if (line[k * step] != 0) last = k;
    nearest[static_cast<size_t>(k)] = std::min(nearest[static_cast<size_t>(k)], last - k);
  }
  for (int64_t k = 0; k < count; ++k) line[k * step] = nearest[static_cast<size_t>(k)] <= reach ? 1 : 0;
}

}  // namespace

Image read_mask_picture(std::span<const uint8_t> file, const std::string& name) {
  Image grey = with_channels(decode_image(file, name), 1);
  check_two_valued(name, grey);
  for (uint8_t& value : grey.bytes) value = value >= 128 ? 255 : 0;
  return grey;
}

Image read_mask_picture(const std::filesystem::path& path) {
  return read_mask_picture(read_picture_file(path), path.string());
}

Image mask_from_picture(Image mask, const std::string& name, MaskPolarity polarity, int64_t height,
                        int64_t width) {
  if (mask.height != height || mask.width != width)
    user_error("{}: a mask of {} x {} pixels for a picture of {} x {}; both need the same size", name,
               mask.width, mask.height, width, height);
  for (uint8_t& value : mask.bytes)
    value = (value == 255) == (polarity == MaskPolarity::kWhiteIsHole) ? 1 : 0;
  return mask;
}

Image mask_from_file(const std::filesystem::path& path, MaskPolarity polarity, int64_t height,
                     int64_t width) {
  return mask_from_picture(read_mask_picture(path), path.string(), polarity, height, width);
}

Image mask_from_boxes(std::span<const PixelBox> boxes, int64_t height, int64_t width) {
  Image mask(height, width, 1);
  for (const PixelBox& box : boxes) {
    if (box.top < 0 || box.left < 0 || box.height < 1 || box.width < 1 || box.height > height - box.top ||
        box.width > width - box.left)
      user_error("the box {},{},{},{} does not lie inside the picture of {} x {} pixels (x,y,width,height)",
                 box.left, box.top, box.width, box.height, width, height);
    for (int64_t row = box.top; row < box.bottom(); ++row)
      std::fill_n(mask.pixel(row, box.left), box.width, uint8_t{1});
  }
  return mask;
}

Image mask_from_alpha(const Image& alpha) {
  Image mask(alpha.height, alpha.width, 1);
  std::ranges::transform(alpha.bytes, mask.bytes.begin(), [](uint8_t a) { return a == 255 ? 0 : 1; });
  return mask;
}

void grow_mask(Image& mask, int64_t pixels) {
  if (pixels == 0) return;
  std::vector<int64_t> nearest;
  for (int64_t row = 0; row < mask.height; ++row)
    grow_line(mask.pixel(row, 0), mask.width, 1, pixels, nearest);
  for (int64_t column = 0; column < mask.width; ++column)
    grow_line(mask.pixel(0, column), mask.height, mask.width, pixels, nearest);
}

int64_t missing_pixels(const Image& mask) {
  return std::ranges::count_if(mask.bytes, [](uint8_t value) { return value != 0; });
}

}  // namespace inpaint
