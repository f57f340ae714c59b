// Planes that run to a vanishing point: floors and roads under a sky, corridors; see scenes.h.
#include <algorithm>
#include <array>
#include <numbers>

#include "train/datasets/scenes/procedural_noise.h"
#include "train/datasets/scenes/scenes.h"

namespace inpaint {
namespace {

// A floor of slabs 1 wide, seen at (across, depth).
struct Slabs {
  Colour colour, joint;
  bool staggered;  // rows start anywhere, as planks do; otherwise side by side
  double length, joint_width;
  double spread;  // of brightness from slab to slab
  bool alternate;
  uint32_t key;

  // `blur`: how many slabs a pixel covers. Far away everything fades to the mean colour, else it
  // would flicker.
  Colour at(double across, double depth, double blur) const {
    const int64_t row = whole(across);
    const double along = depth / length + (staggered ? lattice_value(key, row, 7) : 0.0);
    const double a = fraction(across), b = fraction(along) * length;
    const bool in_joint = std::min({a, 1 - a, b, length - b}) < joint_width;
    const bool second = alternate && (staggered ? row : row + whole(along)) % 2 != 0;
    const double light = 1 + spread * (lattice_value(key, row, whole(along)) - 0.5);
    const Colour near = in_joint ? joint : (second ? mix(colour, joint, 0.6) : colour) * light;
    return mix(near, mix(colour, joint, alternate ? 0.35 : 0.1), std::clamp(2 * blur - 0.5, 0.0, 1.0));
  }
};

Slabs draw_slabs(Draws& draw) {
  Slabs s;
  s.colour = any_colour(draw);
  s.joint = contrasting_colour(draw, s.colour);
  s.staggered = draw.chance(0.5);
  s.length = s.staggered ? draw.between(3, 8) : draw.between(0.8, 1.25);
  s.joint_width = draw.between(0.02, 0.07);
  s.spread = draw.between(0.05, 0.35);
  s.alternate = draw.chance(0.4);
  s.key = draw.key();
  return s;
}

struct Road {
  Colour asphalt, verge;
  double half_width;
  uint32_t key;

  Colour at(double across, double depth) const {
    const double from_middle = std::abs(across);
    const bool dash = from_middle < 0.06 && fraction(0.6 * depth) < 0.55;
    const bool edge_line = std::abs(from_middle - 0.93 * half_width) < 0.05;
    if (dash || edge_line) return {0.93, 0.92, 0.86};
    if (from_middle < half_width)
      return asphalt * (0.92 + 0.16 * fractal_noise(key, 6 * across, 3 * depth, 3));
    return verge * (0.8 + 0.4 * fractal_noise(key, 4 * across, 2 * depth, 4));
  }
};

constexpr double kPixel = 1.0 / 128;  // the size that fading with distance is made for

Scene floor_scene(Draws& draw) {
  const double turn = draw.between(-0.12, 0.12) + (draw.chance(0.15) ? std::numbers::pi : 0.0);
  const double cosine = std::cos(turn), sine = std::sin(turn);
  const double vanish_x = draw.between(0.1, 0.9), horizon = draw.between(0.05, 0.4);
  const bool is_road = draw.chance(0.3);
  const Road road = {Colour{0.33, 0.33, 0.35} * draw.between(0.7, 1.4),
                     rgb({draw.between(0.08, 0.35), draw.between(0.2, 0.5), draw.between(0.35, 0.7)}),
                     draw.between(0.6, 1.3), draw.key()};
  const Slabs slabs = draw_slabs(draw);
  const double slabs_per_unit = is_road ? draw.between(2, 4) : draw.between(5, 13);
  const Colour sky = rgb({draw.between(0.5, 0.65), draw.between(0.1, 0.55), draw.between(0.65, 1.0)});
  const Colour haze = mix(sky, kWhite, 0.6);
  const uint32_t key = draw.key();
  return [=](double px, double py) {
    const double x = 0.5 + cosine * (px - 0.5) - sine * (py - 0.5) - vanish_x;
    const double y = 0.5 + sine * (px - 0.5) + cosine * (py - 0.5) - horizon;
    if (y < 0) {
      const double clouds = fractal_noise(key, 4 * px, 9 * py, 4);
      return mix(mix(haze, sky, std::min(1.0, -2.5 * y)), kWhite, std::clamp(2 * clouds - 1, 0.0, 0.7));
    }
    const double depth = 0.3 / (y + 0.004);  // in the plane, as far as x * depth is across
    const double across = x * depth * slabs_per_unit;
    const double blur = kPixel * slabs_per_unit * depth * (0.3 + depth);
    const Colour ground =
        is_road ? road.at(across, depth * slabs_per_unit) : slabs.at(across, depth * slabs_per_unit, blur);
    return mix(ground, haze, std::clamp(1 - 8 * y, 0.0, 0.75));
  };
}

Scene corridor_scene(Draws& draw) {
  const double vanish_x = draw.between(0.25, 0.75), vanish_y = draw.between(0.3, 0.7);
  const std::array<Slabs, 4> planes = {draw_slabs(draw), draw_slabs(draw), draw_slabs(draw),
                                       draw_slabs(draw)};
  const double below = draw.between(0.25, 0.6), above = draw.between(0.25, 0.6);
  const double right = draw.between(0.25, 0.6), left = draw.between(0.25, 0.6);
  const double slabs_per_unit = draw.between(4, 10);
  const Colour end = any_colour(draw) * 0.4;
  return [=](double px, double py) {
    const double x = px - vanish_x, y = py - vanish_y;
    // How near each plane's edge of the picture a place is; the plane with the largest share is met first.
    const std::array<double, 4> share = {y / below, -y / above, x / right, -x / left};
    const auto plane = static_cast<size_t>(std::max_element(share.begin(), share.end()) - share.begin());
    if (share[plane] < 0.12) return end;
    const double depth = 1 / share[plane];
    const double across = (plane < 2 ? x : y) * depth * slabs_per_unit;
    const double blur = kPixel * slabs_per_unit * depth * (0.3 + depth);
    const double light = (0.45 + 0.55 * std::min(1.0, 1.6 * share[plane])) * (plane < 2 ? 1.0 : 0.85);
    return planes[plane].at(across, depth * slabs_per_unit / 2, blur) * light;
  };
}

}  // namespace

Scene stripes_scene(Draws& draw) { return draw.chance(0.35) ? corridor_scene(draw) : floor_scene(draw); }

}  // namespace inpaint
