// Free-form strokes: a brush walks over the picture, turns, and changes its width.
#include <algorithm>
#include <array>
#include <vector>

#include "train/holes/hole_shapes.h"

namespace inpaint {
namespace {

// Lengths and places are in sixteenths of a pixel; pixel i has its centre at 16 i + 8.
constexpr int64_t kUnit = 16;

struct Point {
  int64_t x, y;
};

// The pixels whose centres lie no further than `radius` from the line from `from` to `to`.
struct Stroke {
  Point from, to;
  int64_t radius;
};

struct StrokePixel {
  int64_t index;
  int64_t along;  // grows from the stroke's beginning to its end
};

// Directions: 32 parts of a turn. The table holds 16384 cos(turn k / 32), so no library rounds here.
constexpr int64_t kTurn = 32, kDirectionUnit = 16384;

int64_t cosine(int64_t direction) {
  constexpr std::array<int64_t, 9> kQuarter = {16384, 16069, 15137, 13623, 11585, 9102, 6270, 3196, 0};
  const int64_t k = ((direction % kTurn) + kTurn) % kTurn;
  const int64_t folded = k <= kTurn / 2 ? k : kTurn - k;
  return folded <= kTurn / 4 ? kQuarter[static_cast<size_t>(folded)]
                             : -kQuarter[static_cast<size_t>(kTurn / 2 - folded)];
}
int64_t sine(int64_t direction) { return cosine(direction - kTurn / 4); }

class Brush {
 public:
  Brush(HoleDraws& draw, const HoleMask& mask)
      : side_(mask.side() * kUnit), right_(mask.width() * kUnit), bottom_(mask.height() * kUnit) {
    at_.x = draw.below(right_);
    at_.y = draw.below(bottom_);
    direction_ = draw.below(kTurn);
    radius_ = draw.between(side_ / 32, side_ / 10);
  }

  Stroke next(HoleDraws& draw) {
    const int64_t length = draw.between(side_ / 16, side_ * 5 / 16);
    const Point from = at_;
    at_.x += length * cosine(direction_) / kDirectionUnit;
    at_.y += length * sine(direction_) / kDirectionUnit;
    stay_inside();
    direction_ += draw.between(-kTurn / 4, kTurn / 4);
    const int64_t radius = radius_ * draw.between(12, 20) / 16;
    return {from, at_, std::max(radius, kUnit * 3 / 4)};
  }

 private:
  // Mirrors a place beyond the border back into the picture, and the direction with it.
  void stay_inside() {
    if (at_.x < 0 || at_.x > right_) {
      at_.x = at_.x < 0 ? -at_.x : 2 * right_ - at_.x;
      direction_ = kTurn / 2 - direction_;
    }
    if (at_.y < 0 || at_.y > bottom_) {
      at_.y = at_.y < 0 ? -at_.y : 2 * bottom_ - at_.y;
      direction_ = -direction_;
    }
  }

  int64_t side_, right_, bottom_;
  Point at_{};
  int64_t direction_, radius_;
};

// The rows or columns of pixels whose centres lie in [low, high].
struct PixelRange {
  int64_t first, last;

  PixelRange(int64_t low, int64_t high, int64_t count)
      : first(std::max<int64_t>(0, low / kUnit)), last(std::min(count - 1, high / kUnit)) {}
};

// The pixels that the stroke would add to the mask, row by row.
void find_new_pixels(const HoleMask& mask, const Stroke& stroke, std::vector<StrokePixel>& found) {
  found.clear();
  const auto [a, b, r] = stroke;
  const int64_t ex = b.x - a.x, ey = b.y - a.y;
  const int64_t square = ex * ex + ey * ey, reach = r * r;
  const int64_t breadth = integer_root(reach * square);
  const PixelRange rows(std::min(a.y, b.y) - r, std::max(a.y, b.y) + r, mask.height());
  const PixelRange columns(std::min(a.x, b.x) - r, std::max(a.x, b.x) + r, mask.width());
  for (int64_t row = rows.first; row <= rows.last; ++row) {
    for (int64_t column = columns.first; column <= columns.last; ++column) {
      const int64_t dx = column * kUnit + kUnit / 2 - a.x, dy = row * kUnit + kUnit / 2 - a.y;
      const int64_t along = dx * ex + dy * ey, across = dx * ey - dy * ex;
      const int64_t from_start = dx * dx + dy * dy;
      const bool inside = along < 0         ? from_start <= reach
                          : along <= square ? across <= breadth && -across <= breadth
                                            : from_start - 2 * along + square <= reach;
      const int64_t index = row * mask.width() + column;
      if (inside && !mask.is_missing(index)) found.push_back({index, along});
    }
  }
}

// The stroke is cut across: only the first `count` of its pixels remain.
void keep_first(std::vector<StrokePixel>& pixels, int64_t count) {
  std::sort(pixels.begin(), pixels.end(), [](const StrokePixel& a, const StrokePixel& b) {
    return a.along != b.along ? a.along < b.along : a.index < b.index;
  });
  pixels.resize(static_cast<size_t>(count));
}

// A box of up to half the side in both directions and up to `most` pixels.
void draw_companion_box(HoleDraws& draw, int64_t most, HoleMask& mask) {
  const int64_t one = std::max<int64_t>(1, draw.between(mask.side() / 8, mask.side() / 2));
  const int64_t other = std::min(draw.between(mask.side() / 8, mask.side() / 2), most / one);
  if (other < 1) return;
  mask.add(draw.one_in(2) ? place_box(draw, mask, one, other) : place_box(draw, mask, other, one));
}

// Draws one walk, up to the target. False when the walk would exceed the target and the mask is done
// without it.
bool draw_walk(HoleDraws& draw, const AreaBounds& bounds, int64_t target, HoleMask& mask) {
  constexpr int64_t kMostStrokes = 6;
  const int64_t before = mask.missing();
  Brush brush(draw, mask);
  std::vector<StrokePixel> added, walk;
  for (int64_t strokes = draw.between(1, kMostStrokes); strokes > 0; --strokes) {
    find_new_pixels(mask, brush.next(draw), added);
    const int64_t room = target - mask.missing();
    if (static_cast<int64_t>(added.size()) > room) {
      if (before >= bounds.min) {
        for (const StrokePixel& pixel : walk) mask.take_away(pixel.index);
        return false;
      }
      keep_first(added, room);
    }
    for (const StrokePixel& pixel : added) mask.add(pixel.index);
    walk.insert(walk.end(), added.begin(), added.end());
  }
  return true;
}

}  // namespace

void draw_strokes(HoleDraws& draw, const AreaBounds& bounds, HoleMask& mask) {
  const int64_t target = draw.between(bounds.min, bounds.max);
  if (draw.one_in(4)) draw_companion_box(draw, target, mask);
  while (mask.missing() < target && draw_walk(draw, bounds, target, mask)) {
  }
}

}  // namespace inpaint
