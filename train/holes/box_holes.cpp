// Squares and boxes.
#include <cmath>

#include "train/holes/hole_shapes.h"

namespace inpaint {
namespace {

constexpr int64_t kMostBoxes = 4;
constexpr int kAttempts = 8;  // boxes may cover each other; then the area can miss the bounds

// About `area` pixels, one side up to three times the other.
PixelBox random_box(HoleDraws& draw, const HoleMask& mask, int64_t area) {
  const int64_t sixteenths = draw.between(16, 48);
  const bool tall = draw.one_in(2);
  const int64_t long_limit = tall ? mask.height() : mask.width();
  const int64_t short_limit = tall ? mask.width() : mask.height();
  int64_t short_side = std::clamp<int64_t>(integer_root(area * 16 / sixteenths), 1, short_limit);
  const int64_t long_side = std::clamp<int64_t>((area + short_side / 2) / short_side, 1, long_limit);
  if (long_side == long_limit)
    short_side = std::clamp<int64_t>((area + long_side / 2) / long_side, 1, short_limit);
  return tall ? place_box(draw, mask, long_side, short_side) : place_box(draw, mask, short_side, long_side);
}

// One box of exactly `area` pixels: the lower part of its last column can be left out.
void draw_exact_box(HoleDraws& draw, int64_t area, HoleMask& mask) {
  const int64_t fewest_rows = (area + mask.width() - 1) / mask.width();
  const int64_t height = std::max(fewest_rows, random_box(draw, mask, area).height);
  const PixelBox box = place_box(draw, mask, height, (area + height - 1) / height);
  mask.add(box);
  const int64_t last_column = box.right() - 1;
  for (int64_t row = box.bottom() - 1; mask.missing() > area; --row)
    mask.take_away(row * mask.width() + last_column);
}

void draw_some_boxes(HoleDraws& draw, int64_t count, int64_t target, HoleMask& mask) {
  for (int64_t left = count; left >= 1; --left) {
    const int64_t share = (target - mask.missing()) / left;
    const int64_t area = left == 1 ? share : draw.between(share / 2, share + share / 2);
    mask.add(random_box(draw, mask, std::max<int64_t>(1, area)));
  }
}

}  // namespace

int64_t integer_root(int64_t value) {
  auto root = static_cast<int64_t>(std::sqrt(static_cast<double>(value)));
  while (root * root > value) --root;
  while ((root + 1) * (root + 1) <= value) ++root;
  return root;
}

PixelBox place_box(HoleDraws& draw, const HoleMask& mask, int64_t height, int64_t width) {
  const int64_t row = draw.below(mask.height() - height + 1);
  const int64_t column = draw.below(mask.width() - width + 1);
  return {row, column, height, width};
}

void draw_square(HoleDraws& draw, HoleMask& mask) {
  const int64_t half = mask.side() / 2;
  mask.add(place_box(draw, mask, half, half));
}

void draw_boxes(HoleDraws& draw, const AreaBounds& bounds, HoleMask& mask) {
  const int64_t target = draw.between(bounds.min, bounds.max);
  const int64_t count = draw.between(1, kMostBoxes);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    mask.clear();
    draw_some_boxes(draw, count, target, mask);
    if (mask.missing() >= bounds.min && mask.missing() <= bounds.max) return;
  }
  mask.clear();
  draw_exact_box(draw, target, mask);
}

}  // namespace inpaint
