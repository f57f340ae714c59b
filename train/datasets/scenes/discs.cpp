// Rings around a centre, and lattices of discs, tori and balls; see scenes.h.
#include <algorithm>

#include "train/datasets/scenes/procedural_noise.h"
#include "train/datasets/scenes/scenes.h"

namespace inpaint {
namespace {

Scene rings_scene(Draws& draw) {
  const Colour ground = any_colour(draw), first = contrasting_colour(draw, ground), second = any_colour(draw);
  const double centre_x = draw.between(-0.3, 1.3), centre_y = draw.between(-0.3, 1.3);
  const double rings = draw.between(3, 12), oval = draw.between(0.6, 1.6), share = draw.between(0.3, 0.7);
  const bool soft = draw.chance(0.4);
  const uint32_t key = draw.key();
  return [=](double x, double y) {
    const double radius = rings * std::hypot(x - centre_x, oval * (y - centre_y));
    const double shade = 0.9 + 0.2 * fractal_noise(key, 5 * x, 5 * y, 3);
    if (soft) return mix(ground, first, 0.5 + 0.5 * std::sin(2 * kPi * radius)) * shade;
    const Colour ring = whole(radius) % 3 == 0 ? second : first;
    return (fraction(radius) < share ? ring : ground) * shade;
  };
}

struct Discs {
  View view;
  Colour ground, first, second;
  double radius, hole;  // of a disc, in cells; of the hole in it, in radii
  bool balls, hexagonal, two_colours;
  double light_x, light_y;
  uint32_t key;

  Colour at(double x, double y) const {
    const auto [u, v] = view(x, y);
    const int64_t row = whole(v);
    const double along = hexagonal && row % 2 != 0 ? u + 0.5 : u;
    const double a = (fraction(along) - 0.5) / radius, b = (fraction(v) - 0.5) / radius, r = std::hypot(a, b);
    if (r >= 1 || r < hole) {
      const double shadow =
          std::hypot(a + 0.3 * light_x, b + 0.3 * light_y);  // on the side away from the light
      const double dark = balls ? 0.35 * std::clamp(1.6 - shadow, 0.0, 1.0) : 0.0;
      return ground * ((0.93 + 0.14 * fractal_noise(key, 3 * u, 3 * v, 3)) * (1 - dark));
    }
    const Colour colour = two_colours && (whole(along) + row) % 2 == 0 ? second : first;
    if (!balls) return colour * (0.95 + 0.1 * fractal_noise(key, 4 * u, 4 * v, 3));
    const double facing = std::max(0.0, 0.6 * (a * light_x + b * light_y) + 0.8 * std::sqrt(1 - r * r));
    return colour * (0.35 + 0.75 * facing) + kWhite * (0.5 * std::pow(facing, 20.0));
  }
};

}  // namespace

Scene discs_scene(Draws& draw) {
  if (draw.chance(0.3)) return rings_scene(draw);
  Discs d;
  const Pose pose = {draw.between(2.5, 7), draw.between(-kPi, kPi), maybe_tilted(draw, 0.6),
                     maybe_tilted(draw, 0.6)};
  d.view = View(draw, pose);
  d.ground = any_colour(draw);
  d.first = contrasting_colour(draw, d.ground);
  d.second = any_colour(draw);
  d.radius = draw.between(0.3, 0.48);
  d.hole = draw.chance(0.3) ? draw.between(0.3, 0.7) : 0.0;
  d.balls = d.hole == 0.0 && draw.chance(0.6);
  d.hexagonal = draw.chance(0.5);
  d.two_colours = draw.chance(0.5);
  const double light = draw.between(0, 2 * kPi);
  d.light_x = std::cos(light);
  d.light_y = std::sin(light);
  d.key = draw.key();
  return [d](double x, double y) { return d.at(x, y); };
}

}  // namespace inpaint
