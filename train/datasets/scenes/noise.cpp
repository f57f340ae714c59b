// Textures: stone and clouds, marble, wood, cloth; see scenes.h.
#include <algorithm>

#include "train/datasets/scenes/procedural_noise.h"
#include "train/datasets/scenes/scenes.h"

namespace inpaint {
namespace {

Scene stone_scene(Draws& draw) {
  const Colour first = any_colour(draw), second = contrasting_colour(draw, first);
  const View view(draw, {draw.between(3, 10), draw.between(-kPi, kPi), 0, 0});
  const double stretch = draw.between(1, 3), contrast = draw.between(1, 3);
  const uint32_t key = draw.key();
  return [=](double x, double y) {
    const auto [u, v] = view(x, y);
    const double t = 0.5 + contrast * (fractal_noise(key, u, stretch * v, 6) - 0.5);
    return mix(first, second, std::clamp(t, 0.0, 1.0));
  };
}

Scene marble_scene(Draws& draw) {  // stripes bent by noise
  const Colour first = any_colour(draw), second = contrasting_colour(draw, first);
  const Pose pose = {draw.between(3, 8), draw.between(-kPi, kPi), maybe_tilted(draw, 0.4),
                     maybe_tilted(draw, 0.4)};
  const View view(draw, pose);
  const double bend = draw.between(0.4, 1.6), veins = draw.between(1, 4);
  const uint32_t key = draw.key();
  return [=](double x, double y) {
    const auto [u, v] = view(x, y);
    const double t = std::sin(kPi * (u + bend * fractal_noise(key, 0.7 * u, 0.7 * v, 5)));
    return mix(first, second, std::pow(std::abs(t), veins));
  };
}

Scene wood_scene(Draws& draw) {  // the rings of a trunk cut lengthwise
  const Colour light = rgb({draw.between(0.05, 0.11), draw.between(0.3, 0.7), draw.between(0.5, 0.9)});
  const View view(draw, {draw.between(1, 3), draw.between(-kPi, kPi), 0, 0});
  const double rings = draw.between(4, 10);
  const uint32_t key = draw.key();
  return [=](double x, double y) {
    const auto [u, v] = view(x, y);
    const double ring = fraction(rings * (0.25 * v + 0.8 * fractal_noise(key, 0.6 * u, 1.2 * v, 2)));
    const double fibre = 0.9 + 0.2 * fractal_noise(key + 9, 4 * u, 50 * v, 3);
    return mix(light, light * 0.55, ring * ring) * fibre;
  };
}

Scene cloth_scene(Draws& draw) {  // threads that go over and under
  const Colour first = any_colour(draw), second = contrasting_colour(draw, first);
  const Pose pose = {draw.between(8, 18), draw.between(-kPi, kPi), maybe_tilted(draw, 0.5),
                     maybe_tilted(draw, 0.5)};
  const View view(draw, pose);
  const uint32_t key = draw.key();
  return [=](double x, double y) {
    const auto [u, v] = view(x, y);
    const bool over = (whole(u) + whole(v)) % 2 == 0;
    const double across = std::sin(kPi * fraction(over ? v : u)),
                 along = std::sin(kPi * fraction(over ? u : v));
    const double shade = 0.5 + 0.5 * across * (0.6 + 0.4 * along);
    return (over ? first : second) * (shade * (0.85 + 0.3 * fractal_noise(key, 0.3 * u, 0.3 * v, 4)));
  };
}

}  // namespace

Scene noise_scene(Draws& draw) {
  switch (draw.below(4)) {
    case 0:
      return stone_scene(draw);
    case 1:
      return marble_scene(draw);
    case 2:
      return wood_scene(draw);
    default:
      return cloth_scene(draw);
  }
}

}  // namespace inpaint
