// Hills under a sky, and a few evenly lit faces; see scenes.h.
#include <algorithm>
#include <array>
#include <numbers>

#include "train/datasets/scenes/procedural_noise.h"
#include "train/datasets/scenes/scenes.h"

namespace inpaint {
namespace {

struct Hills {
  int ridges;
  double horizon, rough, tilt, sun_x;
  Colour near, sky, glow;
  uint32_t key;

  double ridge_line(int ridge, double x) const {
    const double depth = static_cast<double>(ridge) / ridges;  // 0 the farthest
    const double bends = fractal_noise(key + 100 + 16 * static_cast<uint32_t>(ridge), 2.5 * x, 0.5, 5) - 0.5;
    return horizon + 0.85 * (1 - horizon) * depth + tilt * (x - 0.5) + 2 * rough * bends;
  }

  Colour at(double x, double y) const {
    for (int ridge = ridges - 1; ridge >= 0; --ridge) {  // the nearest hides the others
      if (y < ridge_line(ridge, x)) continue;
      const double leaves =
          0.9 + 0.2 * fractal_noise(key + 200 + 16 * static_cast<uint32_t>(ridge), 12 * x, 12 * y, 4);
      const Colour far = mix(glow, sky, 0.5);
      return mix(far, near, 0.25 + 0.75 * (ridge + 1) / ridges) * leaves;
    }
    const double from_sun = std::hypot(x - sun_x, 1.5 * (y - horizon));
    const double clouds = fractal_noise(key, 3 * x, 8 * y, 5);
    return mix(mix(glow, sky, std::min(1.0, 1.6 * from_sun)), kWhite, std::clamp(3 * clouds - 1.7, 0.0, 0.8));
  }
};

Scene hills_scene(Draws& draw) {
  Hills h;
  h.ridges = 2 + draw.below(4);
  h.horizon = draw.between(0.2, 0.6);
  h.rough = draw.between(0.05, 0.25);
  h.tilt = draw.between(-0.2, 0.2);
  h.sun_x = draw.between(0, 1);
  h.near = rgb({draw.between(0.05, 0.45), draw.between(0.2, 0.6), draw.between(0.15, 0.5)});
  h.sky = rgb({draw.between(0.5, 0.68), draw.between(0.15, 0.6), draw.between(0.6, 1.0)});
  h.glow = rgb({draw.between(0.0, 0.16), draw.between(0.05, 0.5), 1.0});
  h.key = draw.key();
  return [h](double x, double y) { return h.at(x, y); };
}

// Half planes over a background, each with an even gradient of its own: faces of a block, walls of a room.
Scene faces_scene(Draws& draw) {
  struct Face {
    double nx, ny, offset, slope;
    Colour colour;
  };
  const Colour top = any_colour(draw), bottom = any_colour(draw);
  std::array<Face, 3> faces;
  for (Face& face : faces) {
    const double angle = draw.between(0, 2 * std::numbers::pi);
    face = {std::cos(angle), std::sin(angle), draw.between(0.0, 0.4), draw.between(-0.8, 0.8),
            any_colour(draw)};
  }
  const double angle = draw.between(0, 2 * std::numbers::pi), gx = std::cos(angle), gy = std::sin(angle);
  const uint32_t key = draw.key();
  return [=](double x, double y) {
    const double dx = x - 0.5, dy = y - 0.5;
    Colour colour = mix(top, bottom, std::clamp(0.5 + gx * dx + gy * dy, 0.0, 1.0));
    for (const Face& face : faces)
      if (face.nx * dx + face.ny * dy > face.offset)
        colour = face.colour * (1 + face.slope * (face.nx * dy - face.ny * dx));
    return colour * (0.96 + 0.08 * fractal_noise(key, 8 * x, 8 * y, 3));
  };
}

}  // namespace

Scene gradient_scene(Draws& draw) { return draw.chance(0.65) ? hills_scene(draw) : faces_scene(draw); }

}  // namespace inpaint
