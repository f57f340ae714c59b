// Fronts of buildings; see scenes.h. The wall is a plane of bays (1 wide) and floors.
#include <algorithm>
#include <cmath>
#include <optional>

#include "train/datasets/scenes/procedural_noise.h"
#include "train/datasets/scenes/scenes.h"

namespace inpaint {
namespace {

// A place on the front: which bay of which floor, and where in it, both in [0, 1).
struct Place {
  int64_t bay, floor;
  double a, b;
};

struct Wall {
  Colour colour, joint;
  bool bricks;
  double course;  // height of a course of bricks
  uint32_t key;

  Colour at(double u, double v) const {
    const Colour stained = colour * (0.86 + 0.28 * fractal_noise(key, 1.3 * u, 1.3 * v, 4));
    if (!bricks) return stained;
    const int64_t row = whole(v / course);
    const double along = u / (2.6 * course) + (row % 2 == 0 ? 0.0 : 0.5);
    if (fraction(along) < 0.07 || fraction(v / course) < 0.16) return joint;
    return stained * (0.88 + 0.24 * lattice_value(key, whole(along), row));
  }
};

// All windows of a front are alike; only their curtains differ.
struct Window {
  double left, right, top, bottom;  // of the opening, in shares of a bay and of a floor
  double frame;                     // width of the frame and its bars, in bays
  double floor_height;              // in bays
  int panes_across, panes_down;
  bool arched = false, shutters = false, sill = false;
  Colour frame_colour, glass, shutter_colour, sill_colour;
  double curtain_share = 0;
  uint32_t key = 0;

  // Nothing where the wall is seen.
  std::optional<Colour> at(const Place& place) const {
    const double across = (place.a - left) / (right - left), down = (place.b - top) / (bottom - top);
    const double beside = std::max(left - place.a, place.a - right), under = place.b - bottom;
    const double frame_down = frame / floor_height;
    if (sill && beside < 0.06 && under >= 0 && under < 1.2 * frame_down) return sill_colour;
    if (down < 0 || down >= 1) return {};
    if (shutters && beside > 0.01 && beside < 0.45 * (right - left))
      return shutter_colour * (fraction(14 * down) < 0.3 ? 0.8 : 1.0);
    if (across < 0 || across >= 1) return {};

    const double radius = (right - left) / 2;
    const double above_arch = radius - (place.b - top) * floor_height;  // over the centre of its half circle
    const double r = arched && above_arch > 0 ? std::hypot(place.a - (left + right) / 2, above_arch) : 0;
    if (r > radius) return {};
    const double bar_across = frame / (right - left), bar_down = frame_down / (bottom - top);
    const bool bar =
        r > radius - frame || on_bar(across, panes_across, bar_across) || on_bar(down, panes_down, bar_down);
    // The wall's thickness throws a shadow along the top and the left.
    const double shadow = down < 2.2 * bar_down || across < 1.6 * bar_across ? 0.8 : 1.0;
    return (bar ? frame_colour : pane(place, across, down)) * shadow;
  }

 private:
  static bool on_bar(double t, int panes, double width) {
    const double nearest = std::round(t * panes) / panes;
    const bool outer = nearest == 0.0 || nearest == 1.0;
    return std::abs(t - nearest) < (outer ? width : 0.5 * width);
  }

  Colour pane(const Place& place, double across, double down) const {
    const bool curtain = lattice_value(key, place.bay, place.floor) < curtain_share;
    const double length = 0.25 + 0.7 * lattice_value(key + 1, place.bay, place.floor);
    Colour colour = glass * (0.75 + 0.5 * down);
    if (curtain && down < length) colour = mix(colour, {0.82, 0.78, 0.7}, 0.65);
    const double diagonal = across + 0.6 * down;
    return diagonal > 0.75 && diagonal < 0.95 ? colour + Colour{0.06, 0.07, 0.08} : colour;  // a reflection
  }
};

struct Facade {
  View view;
  Wall wall;
  Window window, shop_window;
  double floor_height;
  bool cornice, shops;  // shops: the lowest floor has large windows under a sign board
  Colour trim, sign, sky_top, sky_bottom, pavement;
  double roof, street;  // the first floor that is there, the first that is not; far away: not in sight
  uint32_t key;

  Colour at(double x, double y) const {
    const auto [u, v] = view(x, y);
    const double level = v / floor_height;
    if (level < roof - 0.12) return mix(sky_top, sky_bottom, y);
    if (level < roof) return trim * (level < roof - 0.05 ? 1.0 : 0.7);  // the eaves, and their shadow
    if (level >= street + 0.08) return pavement * (0.9 + 0.2 * fractal_noise(key, 3 * u, 9 * v, 3));
    if (level >= street) return pavement * 0.7;  // the kerb

    const Place place = {whole(u), whole(level), fraction(u), fraction(level)};
    const bool shop = shops && level >= street - 1;
    if (shop && place.b > 0.04 && place.b < 0.2) return sign;
    if (const auto colour = (shop ? shop_window : window).at(place)) return *colour;
    if (cornice && place.b < 0.07) return trim * (place.b < 0.045 ? 1.0 : 0.75);
    return wall.at(u, v);
  }
};

Window draw_window(Draws& draw, double floor_height, const Colour& trim) {
  Window w;
  const double width = draw.between(0.36, 0.66), height = draw.between(0.45, 0.72);
  w.left = (1 - width) / 2;
  w.right = 1 - w.left;
  w.top = (1 - height) * draw.between(0.4, 0.7);
  w.bottom = w.top + height;
  w.frame = draw.between(0.03, 0.06);
  w.floor_height = floor_height;
  w.panes_across = 1 + draw.below(3);
  w.panes_down = 1 + draw.below(3);
  w.arched = draw.chance(0.2);
  w.shutters = draw.chance(0.3) && width < 0.5;
  w.sill = draw.chance(0.6);
  w.frame_colour = draw.chance(0.75) ? Colour{0.92, 0.91, 0.88} * draw.between(0.85, 1.05)
                                     : rgb({draw.between(0, 1), 0.4, 0.3});
  w.glass = rgb({draw.between(0.52, 0.65), draw.between(0.1, 0.45), draw.between(0.15, 0.5)});
  w.shutter_colour = rgb({draw.between(0, 1), draw.between(0.3, 0.7), draw.between(0.25, 0.6)});
  w.sill_colour = trim * 1.05;
  w.curtain_share = draw.chance(0.5) ? draw.between(0.0, 0.6) : 0.0;
  w.key = draw.key();
  return w;
}

Window shop_window(Window w) {
  w.left = 0.1;
  w.right = 0.9;
  w.top = 0.25;
  w.bottom = 0.98;
  w.panes_across = 2;
  w.panes_down = 1;
  w.arched = w.shutters = w.sill = false;
  return w;
}

}  // namespace

Scene facade_scene(Draws& draw) {
  Facade f;
  const Pose pose = {draw.between(3.0, 7.5), draw.between(-0.03, 0.03), maybe_tilted(draw, 0.7),
                     maybe_tilted(draw, 0.2)};
  f.view = View(draw, pose);
  f.floor_height = draw.between(1.0, 1.7);
  const Colour tint = draw.chance(0.8)  // mostly the colours of stone, plaster and brick
                          ? rgb({draw.between(0.02, 0.14), draw.between(0.05, 0.5), draw.between(0.45, 0.95)})
                          : rgb({draw.between(0, 1), draw.between(0.1, 0.4), draw.between(0.5, 0.9)});
  f.wall = {tint, tint * 0.72 + kWhite * 0.12, draw.chance(0.4), draw.between(0.07, 0.12), draw.key()};
  f.trim = mix(tint, kWhite, draw.between(0.3, 0.8));
  f.window = draw_window(draw, f.floor_height, f.trim);
  f.shop_window = shop_window(f.window);
  f.sign = f.window.shutter_colour;
  f.cornice = draw.chance(0.5);
  f.shops = draw.chance(0.5);

  const double roof = f.view(0.5, draw.between(0.05, 0.3)).v / f.floor_height;
  const double street = f.view(0.5, draw.between(0.72, 0.95)).v / f.floor_height;
  f.roof = draw.chance(0.35) ? std::round(roof) : -1e6;
  f.street = draw.chance(0.35) ? std::max(f.roof + 1, std::round(street)) : 1e6;
  f.sky_top = rgb({draw.between(0.53, 0.63), draw.between(0.1, 0.6), draw.between(0.6, 0.95)});
  f.sky_bottom = mix(f.sky_top, kWhite, draw.between(0.3, 0.7));
  f.pavement = Colour{0.55, 0.53, 0.5} * draw.between(0.7, 1.2);
  f.key = draw.key();
  return [f](double x, double y) { return f.at(x, y); };
}

}  // namespace inpaint
