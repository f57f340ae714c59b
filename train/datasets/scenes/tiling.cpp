// Tiled planes; see scenes.h. The unit is a tile's shorter side.
#include <algorithm>
#include <array>

#include "train/datasets/scenes/procedural_noise.h"
#include "train/datasets/scenes/scenes.h"

namespace inpaint {
namespace {

struct Tile {
  int64_t i, j;  // which one
  double edge;   // how far its nearest edge is
};

double edge_of_box(double a, double b, double width, double height) {
  return std::min({a, width - a, b, height - b});
}

Tile square(double u, double v) { return {whole(u), whole(v), edge_of_box(fraction(u), fraction(v), 1, 1)}; }

Tile brick(double u, double v) {  // 2 x 1, every other row shifted by half a brick
  const int64_t row = whole(v);
  const double along = u / 2 + (row % 2 == 0 ? 0.0 : 0.5);
  return {whole(along), row, edge_of_box(2 * fraction(along), fraction(v), 2, 1)};
}

Tile hexagon(double u, double v) {
  // The centres are two rectangular lattices, 1 x sqrt(3), one shifted by half of each. A tile belongs to the
  // nearest centre, and its edges lie half-way to the six neighbours, all at distance 1.
  const double h = std::sqrt(3.0);
  const double au = fraction(u) - 0.5, av = (fraction(v / h) - 0.5) * h;
  const double bu = fraction(u - 0.5) - 0.5, bv = (fraction(v / h - 0.5) - 0.5) * h;
  const bool first = au * au + av * av < bu * bu + bv * bv;
  const double x = std::abs(first ? au : bu), y = std::abs(first ? av : bv);
  const double edge = 0.5 - std::max(x, 0.5 * x + 0.5 * h * y);
  return first ? Tile{2 * whole(u), 2 * whole(v / h), edge}
               : Tile{2 * whole(u - 0.5) + 1, 2 * whole(v / h - 0.5) + 1, edge};
}

Tile herringbone(double u, double v) {
  // Going right, cells belong to: the left and the right half of a lying tile, then the lower and the upper
  // half of two standing ones; one cell further down, the same starts one cell further right.
  const int64_t i = whole(u), j = whole(v);
  const double a = fraction(u), b = fraction(v);
  switch (((i - j) % 4 + 4) % 4) {
    case 0:
      return {i, j, edge_of_box(a, b, 2, 1)};
    case 1:
      return {i - 1, j, edge_of_box(a + 1, b, 2, 1)};
    case 2:
      return {i, j - 1, edge_of_box(a, b + 1, 1, 2)};
    default:
      return {i, j, edge_of_box(a, b, 1, 2)};
  }
}

}  // namespace

Scene tiling_scene(Draws& draw) {
  using TileAt = Tile (*)(double, double);
  static constexpr std::array<TileAt, 4> kTilings = {square, brick, hexagon, herringbone};
  const TileAt tile_at = kTilings[static_cast<size_t>(draw.below(4))];
  const double angle = draw.chance(0.5) ? draw.between(-kPi, kPi) : draw.between(-0.1, 0.1);
  const Pose pose = {draw.between(3, 9), angle, maybe_tilted(draw, 0.6), maybe_tilted(draw, 0.6)};
  const View view(draw, pose);
  const Colour first = any_colour(draw), joint = contrasting_colour(draw, first);
  const Colour second =
      draw.chance(0.4) ? contrasting_colour(draw, first) : first;  // two colours in turn, or one
  const double width = draw.between(0.02, 0.07), spread = draw.between(0.05, 0.3);
  const double bevel = draw.chance(0.5) ? draw.between(0.05, 0.25) : 0.0;
  const double stain = draw.between(0.0, 0.35);
  const uint32_t key = draw.key();
  return [=](double x, double y) {
    const auto [u, v] = view(x, y);
    const Tile tile = tile_at(u, v);
    const double light = 1 - stain / 2 + stain * fractal_noise(key + 9, 2.5 * u, 2.5 * v, 3);
    if (tile.edge < width) return joint * light;
    const Colour colour = (tile.i + tile.j) % 2 == 0 ? first : second;
    const double raised = 1 - bevel + bevel * std::min(1.0, (tile.edge - width) / 0.15);
    return colour * (light * raised * (1 + spread * (lattice_value(key, tile.i, tile.j) - 0.5)));
  };
}

}  // namespace inpaint
