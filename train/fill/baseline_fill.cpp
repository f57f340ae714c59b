#include "train/fill/baseline_fill.h"

#include <algorithm>
#include <vector>

namespace inpaint {
namespace {

struct Mask {
  int64_t rows, columns;
  const uint8_t* bytes;

  bool missing(int64_t row, int64_t column) const { return bytes[row * columns + column] != 0; }

  // Is this pixel, or one of the eight around it, missing?
  bool touches(int64_t row, int64_t column) const {
    for (int64_t i = std::max<int64_t>(row - 1, 0); i <= std::min(row + 1, rows - 1); ++i)
      for (int64_t j = std::max<int64_t>(column - 1, 0); j <= std::min(column + 1, columns - 1); ++j)
        if (missing(i, j)) return true;
    return false;
  }
};

// The mean of each channel over the known pixels that the fill looks at; 0 where there are none.
template <typename T>
std::vector<double> colour_of(BaselineFill fill, const Mask& mask, const T* picture, int64_t channels) {
  std::vector<double> mean(static_cast<size_t>(channels), 0.0);
  if (fill == BaselineFill::kGrey) return mean;
  int64_t pixels = 0;
  for (int64_t i = 0; i < mask.rows; ++i)
    for (int64_t j = 0; j < mask.columns; ++j) {
      if (mask.missing(i, j) || (fill == BaselineFill::kRingMean && !mask.touches(i, j))) continue;
      const T* value = picture + (i * mask.columns + j) * channels;
      for (double& sum : mean) sum += static_cast<double>(*value++);
      ++pixels;
    }
  if (pixels > 0)
    for (double& sum : mean) sum /= static_cast<double>(pixels);
  return mean;
}

}  // namespace

void fill_baseline(const Context& ctx, BaselineFill fill, const Tensor& mask, const Tensor& pictures) {
  if (pictures.shape.rank() != 4)
    throw ShapeError(fmt::format("fill_baseline: pictures {} must have rank 4", to_string(pictures.shape)));
  const Shape& s = pictures.shape;
  expect_shape("fill_baseline mask", mask, {s[0], s[1], s[2]}, DType::kU8);
  const int64_t pixels = s[1] * s[2], channels = s[3];
  visit_real(pictures.dtype, [&]<typename T>(T) {
    ctx.parallel(s[0], [&](int64_t n, int) {
      const uint8_t* missing = mask.as<uint8_t>() + n * pixels;
      T* picture = pictures.as<T>() + n * pixels * channels;
      const std::vector<double> colour = colour_of(fill, {s[1], s[2], missing}, picture, channels);
      for (int64_t pixel = 0; pixel < pixels; ++pixel) {
        if (missing[pixel] == 0) continue;
        std::transform(colour.begin(), colour.end(), picture + pixel * channels,
                       [](double value) { return static_cast<T>(value); });
      }
    });
  });
}

}  // namespace inpaint
