#include "train/datasets/scenes/scene.h"

#include <algorithm>

namespace inpaint {

Colour rgb(const Hsv& colour) {
  const auto channel = [&](double offset) {
    const double k = std::fmod(offset + 6 * fraction(colour.hue), 6.0);
    return colour.value - colour.value * colour.saturation * std::clamp(std::min(k, 4 - k), 0.0, 1.0);
  };
  return {channel(5), channel(3), channel(1)};
}

Colour any_colour(Draws& draw) {
  const double hue = draw.chance(0.6) ? draw.between(0.0, 0.17) : draw.between(0, 1);
  const double strength = draw.between(0, 1);
  return rgb({hue, 0.04 + 0.6 * strength * strength, draw.between(0.2, 0.95)});
}

Colour contrasting_colour(Draws& draw, const Colour& first) {
  const double light = 0.3 * first.r + 0.59 * first.g + 0.11 * first.b;
  const double value = light > 0.5 ? draw.between(0.1, light - 0.25) : draw.between(light + 0.3, 1.0);
  return rgb({draw.between(0, 1), draw.between(0.03, 0.45), value});
}

double maybe_tilted(Draws& draw, double most) { return draw.chance(0.5) ? draw.between(-most, most) : 0.0; }

View::View(Draws& draw, const Pose& pose)
    : cosine_(std::cos(pose.angle)),
      sine_(std::sin(pose.angle)),
      scale_(pose.scale),
      tilt_x_(pose.tilt_x),
      tilt_y_(pose.tilt_y),
      shift_u_(draw.between(-50, 50)),
      shift_v_(draw.between(-50, 50)) {}

}  // namespace inpaint
