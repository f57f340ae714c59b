#include "train/fill/baseline_fill.h"

#include <algorithm>
#include <vector>

#include "train/holes/hole_view.h"

namespace inpaint {
namespace {

// A rectangle of pixels, from (top, left) up to (bottom, right) exclusive.
struct Box {
  int64_t top, left, bottom, right;
};

// The mean of each channel over the pixels of the box outside the hole; 0 where there are none.
template <typename T>
std::vector<double> mean_around(const HoleShape& shape, const T* picture, const Box& box, const Box& hole) {
  std::vector<double> mean(static_cast<size_t>(shape.channels), 0.0);
  int64_t pixels = 0;
  const auto add_run = [&](int64_t row, int64_t begin, int64_t end) {
    const T* value = picture + (row * shape.columns + begin) * shape.channels;
    for (int64_t j = begin; j < end; ++j, ++pixels)
      for (double& sum : mean) sum += static_cast<double>(*value++);
  };
  for (int64_t row = box.top; row < box.bottom; ++row) {
    if (row < hole.top || row >= hole.bottom) {
      add_run(row, box.left, box.right);
    } else {
      add_run(row, box.left, hole.left);
      add_run(row, hole.right, box.right);
    }
  }
  if (pixels > 0)
    for (double& sum : mean) sum /= static_cast<double>(pixels);
  return mean;
}

// What the fill averages over: the whole picture, or the hole and one pixel around it.
Box surroundings(BaselineFill fill, const HoleShape& shape, const Box& hole) {
  if (fill == BaselineFill::kKnownMean) return {0, 0, shape.rows, shape.columns};
  return {std::max<int64_t>(hole.top - 1, 0), std::max<int64_t>(hole.left - 1, 0),
          std::min(hole.bottom + 1, shape.rows), std::min(hole.right + 1, shape.columns)};
}

}  // namespace

void fill_baseline(const Context& ctx, BaselineFill fill, const Tensor& masked, const Tensor& offsets,
                   const Tensor& fake) {
  const HoleShape shape = hole_shape("fill_baseline", masked, offsets, fake);
  visit_real(fake.dtype, [&]<typename T>(T) {
    ctx.parallel(shape.pictures, [&](int64_t n, int) {
      const HoleOffset at = hole_offset("fill_baseline", shape, offsets, n);
      const Box hole{at.row, at.column, at.row + shape.hole, at.column + shape.hole};
      std::vector<double> colour(static_cast<size_t>(shape.channels), 0.0);
      if (fill != BaselineFill::kGrey)
        colour = mean_around(shape, masked.as<T>() + n * shape.picture_values(),
                             surroundings(fill, shape, hole), hole);
      T* to = fake.as<T>() + n * shape.hole_values();
      for (int64_t pixel = 0; pixel < shape.hole * shape.hole; ++pixel)
        for (const double value : colour) *to++ = static_cast<T>(value);
    });
  });
}

}  // namespace inpaint
