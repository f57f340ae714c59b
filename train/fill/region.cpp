#include "train/fill/region.h"

#include <algorithm>
#include <cmath>

namespace inpaint {
namespace {

// What one of `parts` equal parts of a line of `pixels` covers: the pixels first ... last, and the share of
// each pixel's width.
struct Cover {
  Cover(int64_t part, int64_t parts, int64_t pixels)
      : begin(static_cast<double>(part) * static_cast<double>(pixels) / static_cast<double>(parts)),
        end(static_cast<double>(part + 1) * static_cast<double>(pixels) / static_cast<double>(parts)),
        first(static_cast<int64_t>(begin)),
        last(std::min(static_cast<int64_t>(std::ceil(end)), pixels) - 1) {}

  double share(int64_t pixel) const {
    return std::min(end, static_cast<double>(pixel + 1)) - std::max(begin, static_cast<double>(pixel));
  }

  double begin, end;
  int64_t first, last;
};

// Where a place between two neighbouring pixel centres lies.
struct Between {
  Between(int64_t pixel, int64_t origin, int64_t extent, int64_t pixels) {
    const double at = (static_cast<double>(pixel - origin) + 0.5) * static_cast<double>(pixels) /
                          static_cast<double>(extent) -
                      0.5;
    const double inside = std::clamp(at, 0.0, static_cast<double>(pixels - 1));
    low = static_cast<int64_t>(inside);
    high = std::min(low + 1, pixels - 1);
    weight = static_cast<float>(inside - static_cast<double>(low));
  }
  int64_t low, high;
  float weight;  // of the higher one
};

}  // namespace

PixelBox grown(const PixelBox& box, int64_t margin, const Image& picture) {
  const int64_t top = std::max<int64_t>(box.top - margin, 0), left = std::max<int64_t>(box.left - margin, 0);
  return {top, left, std::min(box.bottom() + margin, picture.height) - top,
          std::min(box.right() + margin, picture.width) - left};
}

Region::Region(const PixelBox& box, int64_t height, int64_t width, int channels)
    : box_(box),
      height_(height),
      width_(width),
      channels_(channels),
      values_(static_cast<size_t>(height * width * channels)),
      missing_(static_cast<size_t>(height * width)) {}

Region::Region(const Image& picture, const Image& mask, const PixelBox& box)
    : Region(box, box.height, box.width, picture.channels) {
  for (int64_t row = 0; row < height_; ++row) {
    const uint8_t* from = picture.pixel(box.top + row, box.left);
    std::transform(from, from + width_ * channels_, pixel(row, 0),
                   [](uint8_t byte) { return (static_cast<float>(byte) - 127.5f) / 127.5f; });
    const uint8_t* hole = mask.pixel(box.top + row, box.left);
    std::transform(hole, hole + width_, &missing_[index(row, 0)],
                   [](uint8_t value) { return static_cast<uint8_t>(value != 0 ? 1 : 0); });
  }
}

Tensor Region::pixels() {
  return {{1, height_, width_, channels_}, DType::kF32, Device::kCpu, values_.data()};
}
Tensor Region::mask() { return {{1, height_, width_}, DType::kU8, Device::kCpu, missing_.data()}; }

Region Region::reduced(int64_t height, int64_t width) const {
  if (height == height_ && width == width_) return *this;
  Region small(box_, height, width, channels_);
  std::vector<double> sums(static_cast<size_t>(channels_));
  for (int64_t row = 0; row < height; ++row) {
    const Cover rows(row, height, height_);
    for (int64_t column = 0; column < width; ++column) {
      const Cover columns(column, width, width_);
      std::ranges::fill(sums, 0.0);
      double area = 0;
      bool missing = false;
      for (int64_t y = rows.first; y <= rows.last; ++y)
        for (int64_t x = columns.first; x <= columns.last; ++x) {
          const double share = rows.share(y) * columns.share(x);
          const float* from = pixel(y, x);
          for (double& sum : sums) sum += share * static_cast<double>(*from++);
          area += share;
          missing |= is_missing(y, x);
        }
      float* to = small.pixel(row, column);
      for (const double sum : sums) *to++ = static_cast<float>(sum / area);
      small.missing_[small.index(row, column)] = missing ? 1 : 0;
    }
  }
  return small;
}

void Region::sample(int64_t row, int64_t column, float* to) const {
  const Between rows(row, box_.top, box_.height, height_), columns(column, box_.left, box_.width, width_);
  const float *a = pixel(rows.low, columns.low), *b = pixel(rows.low, columns.high),
              *c = pixel(rows.high, columns.low), *d = pixel(rows.high, columns.high);
  for (int k = 0; k < channels_; ++k) {
    const float above = a[k] + columns.weight * (b[k] - a[k]), below = c[k] + columns.weight * (d[k] - c[k]);
    to[k] = above + rows.weight * (below - above);
  }
}

}  // namespace inpaint
