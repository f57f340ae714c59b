#include "train/data/channel_guess.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "core/base/error.h"

namespace inpaint {
namespace {

constexpr int64_t kLeastSize = 32;  // smaller images tell too little
constexpr double kNothing = 0.01;   // keeps flat images from deciding

double mean_difference(std::span<const uint8_t> x, size_t distance) {
  int64_t sum = 0;
  for (size_t i = 0; i + distance < x.size(); ++i) sum += std::abs(x[i + distance] - x[i]);
  return static_cast<double>(sum) / static_cast<double>(x.size() - distance);
}

}  // namespace

int channels_of_image(std::span<const uint8_t> x, int64_t image_size) {
  const auto row = static_cast<size_t>(image_size);
  if (image_size < kLeastSize || x.size() <= 3 * row) return 0;
  const double ratio = (mean_difference(x, 3 * row) + kNothing) / (mean_difference(x, row) + kNothing);
  std::array<double, 3> sums{};
  for (size_t i = 0; i + 1 < x.size(); ++i) sums[i % 3] += std::abs(x[i + 1] - x[i]);
  const auto [least, largest] = std::minmax_element(sums.begin(), sums.end());
  const double nothing = kNothing * static_cast<double>(x.size()) / 3;
  const double unlike = (*largest + nothing) / (*least + nothing);
  if (ratio > 1.15 && unlike < 1.2) return 1;
  if (ratio < 0.8 && unlike > 1.1) return 3;
  return 0;
}

int channels_of_dataset(const BinDataset& dataset) {
  constexpr int64_t kMost = 64;
  const int64_t looks = std::min(kMost, dataset.count());
  int64_t grey = 0, rgb = 0;
  dataset.check_not_shrunk();
  for (int64_t i = 0; i < looks; ++i) {
    const std::span image(dataset.image(i * dataset.count() / looks),
                          static_cast<size_t>(dataset.image_bytes()));
    const int channels = channels_of_image(image, dataset.image_size());
    grey += channels == 1;
    rgb += channels == 3;
  }
  if (4 * grey >= 3 * looks) return 1;
  return 4 * rgb >= 3 * looks ? 3 : 0;
}

}  // namespace inpaint
