// Irregular blobs: the highest parts of a random field, which is smooth noise of two sizes.
#include <vector>

#include "train/holes/hole_shapes.h"

namespace inpaint {
namespace {

// Where each pixel of a row or column lies between the points of a lattice.
struct LatticePlace {
  int64_t point;
  uint32_t part;  // of 256, eased: the slope is 0 at the points
};

std::vector<LatticePlace> lattice_places(int64_t count, int64_t spacing, int64_t shift) {
  std::vector<LatticePlace> places(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t t = (i + shift) % spacing * 256 / spacing;
    places[static_cast<size_t>(i)] = {(i + shift) / spacing,
                                      static_cast<uint32_t>(t * t * (768 - 2 * t) >> 16)};
  }
  return places;
}

// Values below 2^28.
class Noise {
 public:
  Noise(HoleDraws& draw, const HoleMask& mask, int64_t spacing) {
    const int64_t shift_row = draw.below(spacing), shift_column = draw.below(spacing);
    rows_ = lattice_places(mask.height(), spacing, shift_row);
    columns_ = lattice_places(mask.width(), spacing, shift_column);
    stride_ = columns_.back().point + 2;
    points_.resize(static_cast<size_t>((rows_.back().point + 2) * stride_));
    for (uint32_t& point : points_) point = static_cast<uint32_t>(draw.below(4096));
    blended_.resize(static_cast<size_t>(stride_));
  }

  // Adds `weight` times the noise of this row.
  void add_row(int64_t row, uint32_t weight, std::vector<uint32_t>& sum) {
    const auto [point, part] = rows_[static_cast<size_t>(row)];
    const uint32_t* above = points_.data() + point * stride_;
    const uint32_t* below = above + stride_;
    for (int64_t k = 0; k < stride_; ++k)
      blended_[static_cast<size_t>(k)] = above[k] * (256 - part) + below[k] * part;
    for (size_t column = 0; column < columns_.size(); ++column) {
      const uint32_t* left = blended_.data() + columns_[column].point;
      const uint32_t s = columns_[column].part;
      sum[column] += weight * (left[0] * (256 - s) + left[1] * s);
    }
  }

 private:
  std::vector<LatticePlace> rows_, columns_;
  int64_t stride_ = 0;
  std::vector<uint32_t> points_, blended_;
};

constexpr uint32_t kHeights = 4 << 12;

// The height of every pixel, below kHeights.
std::vector<uint16_t> random_field(HoleDraws& draw, const HoleMask& mask) {
  const int64_t spacing = std::max<int64_t>(2, draw.between(mask.side() / 5, mask.side() / 2));
  Noise coarse(draw, mask, spacing), fine(draw, mask, spacing / 2);
  std::vector<uint16_t> field;
  field.reserve(static_cast<size_t>(mask.pixels()));
  std::vector<uint32_t> sum(static_cast<size_t>(mask.width()));
  for (int64_t row = 0; row < mask.height(); ++row) {
    std::fill(sum.begin(), sum.end(), 0u);
    coarse.add_row(row, 3, sum);
    fine.add_row(row, 1, sum);
    for (const uint32_t value : sum) field.push_back(static_cast<uint16_t>(value >> 16));
  }
  return field;
}

}  // namespace

void draw_blobs(HoleDraws& draw, const AreaBounds& bounds, HoleMask& mask) {
  const int64_t target = draw.between(bounds.min, bounds.max);
  const std::vector<uint16_t> field = random_field(draw, mask);
  std::vector<int64_t> pixels_of_height(kHeights);
  for (const uint16_t height : field) ++pixels_of_height[height];
  uint32_t lowest = kHeights;
  for (int64_t above = 0; above + pixels_of_height[lowest - 1] <= target; --lowest)
    above += pixels_of_height[lowest - 1];
  for (int64_t i = 0; i < mask.pixels(); ++i)
    if (field[static_cast<size_t>(i)] >= lowest) mask.add(i);
  if (mask.missing() >= bounds.min) return;
  for (int64_t i = 0; mask.missing() < target; ++i)
    if (field[static_cast<size_t>(i)] == lowest - 1) mask.add(i);
}

}  // namespace inpaint
