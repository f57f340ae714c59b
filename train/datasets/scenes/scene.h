// What scenes are made of: colours, a view of a plane, and the random numbers of one picture.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>

#include "core/base/philox.h"

namespace inpaint {

constexpr double kPi = std::numbers::pi;

// 0 black, 1 white, proportional to the bytes of the picture; may leave that range on the way.
struct Colour {
  double r = 0, g = 0, b = 0;

  Colour operator+(const Colour& o) const { return {r + o.r, g + o.g, b + o.b}; }
  Colour operator*(double k) const { return {r * k, g * k, b * k}; }
};

constexpr Colour kWhite = {1, 1, 1};

inline Colour mix(const Colour& a, const Colour& b, double t) { return a * (1 - t) + b * t; }

// Each in [0, 1]; the hue wraps around. A struct, because in braces (and not as the arguments of a function)
// draws happen from left to right with every compiler.
struct Hsv {
  double hue, saturation, value;
};
Colour rgb(const Hsv& colour);

// From a place of the picture, x to the right and y down, both in [0, 1], to its colour.
using Scene = std::function<Colour(double x, double y)>;

// The random numbers of one picture, in the order they are asked for.
class Draws {
 public:
  Draws(uint64_t seed, int64_t picture)
      : random_(seed, RandomStream::kProceduralPictures), picture_(static_cast<uint64_t>(picture)) {}

  double between(double low, double high) { return low + (high - low) * random_.uniform(picture_, round_++); }
  int below(int bound) {
    return static_cast<int>(random_.below(static_cast<uint32_t>(bound), picture_, round_++));
  }
  bool chance(double probability) { return between(0, 1) < probability; }
  uint32_t key() { return random_.bits(picture_, round_++)[0]; }

 private:
  Philox random_;
  uint64_t picture_;
  uint32_t round_ = 0;
};

// Mostly dull, more often warm than not: the colours of things.
Colour any_colour(Draws& draw);

// One that stands out from the first by its brightness.
Colour contrasting_colour(Draws& draw, const Colour& first);

// A tilt of up to `most` either way for half of the pictures; the others look straight at the plane.
double maybe_tilted(Draws& draw, double most);

// How a plane is looked at: units across the picture, angle in radians, perspective tilts below 1.
struct Pose {
  double scale, angle, tilt_x, tilt_y;
};

// Where the point of the plane lies that is seen at (x, y).
class View {
 public:
  struct Point {
    double u, v;
  };

  View() = default;
  View(Draws& draw, const Pose& pose);  // draws which part of the plane is seen

  Point operator()(double x, double y) const {
    x -= 0.5;
    y -= 0.5;
    const double k = scale_ / (1 + tilt_x_ * x + tilt_y_ * y);
    return {shift_u_ + k * (cosine_ * x - sine_ * y), shift_v_ + k * (sine_ * x + cosine_ * y)};
  }

 private:
  double cosine_ = 1, sine_ = 0, scale_ = 1, tilt_x_ = 0, tilt_y_ = 0, shift_u_ = 0, shift_v_ = 0;
};

inline double fraction(double x) { return x - std::floor(x); }
inline int64_t whole(double x) { return static_cast<int64_t>(std::floor(x)); }

}  // namespace inpaint
