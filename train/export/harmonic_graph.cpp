#include "train/export/harmonic_graph.h"

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "kernels/fill/harmonic_grid.h"

namespace inpaint {
namespace {

using OnnxValue = OnnxGraph::Value;
using Ints = OnnxGraph::Ints;

constexpr int kGrids = 7;
constexpr int64_t kMultiple = int64_t{1} << (kGrids - 1);  // of rows and columns
constexpr float kLargestCorrection = 2e-6f;
constexpr int64_t kMostRounds = 60;  // a picture with one known pixel of 512 x 512 takes 9
constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
constexpr float kTiny = 1e-30f;  // keeps 0 / 0 at 0

// A relaxation damps the eigenvalues of the matrix divided by its diagonal from here on; all lie below 2.
constexpr double kLowest = 0.5, kLowestCoarsest = 0.05;
constexpr int kRelaxations = 2, kRelaxationsCoarsest = 6;

// The equations of a grid, each [N, 1, rows, columns]: d u - flow(u) = f, where flow sums the neighbours
// times the weights of the edges to them.
struct Grid {
  OnnxValue above, below, left, right;  // weights
  OnnxValue d;                          // the diagonal
  std::vector<OnnxValue> relaxation;    // factors of the residual, one after the other; 0 outside the hole
  OnnxValue interpolated;               // factor of what comes from the next grid; 0 outside the hole
};

struct Neighbours {
  OnnxValue above, below, left, right;
};

class HarmonicGraph {
 public:
  HarmonicGraph(OnnxGraph& graph, int64_t channels) : channels_(channels) {
    std::vector<float> weights;
    constexpr float kWeights[] = {0.25f, 0.75f, 0.75f, 0.25f};
    for (int64_t c = 0; c < channels; ++c)
      for (const float row : kWeights)
        for (const float column : kWeights) weights.push_back(row * column);
    restriction_ = graph.floats(weights, {channels, 1, 4, 4});
  }

  // The equations of all grids. inside: 1 in the picture, 0 in what was added to it.
  void set_equations(OnnxGraph& g, const OnnxValue& mask, OnnxValue inside) {
    const Neighbours missing = neighbours(g, mask), there = neighbours(g, inside);
    Grid grid;
    grid.above = g.mul(mask, missing.above);
    grid.below = g.mul(mask, missing.below);
    grid.left = g.mul(mask, missing.left);
    grid.right = g.mul(mask, missing.right);
    grid.d = g.mul(mask, sum(g, {there.above, there.below, there.left, there.right}));
    for (size_t k = 0;; ++k) {
      const OnnxValue holds_missing = g.cast(g.op("Greater", {grid.d, g.number(0)}), OnnxGraph::kFloat);
      const bool coarsest = k + 1 == grids_.size();
      const OnnxValue inverse = g.div(holds_missing, g.op("Max", {grid.d, g.number(1e-6f)}));
      for (const float factor :
           coarsest ? factors(kLowestCoarsest, kRelaxationsCoarsest) : factors(kLowest, kRelaxations))
        grid.relaxation.push_back(g.mul(inverse, g.number(factor)));
      if (coarsest) {
        grids_[k] = grid;
        return;
      }
      // Where coarse cells lie outside the picture, those inside count for them.
      inside = g.op("MaxPool", {inside}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
      grid.interpolated = g.div(holds_missing, g.op("Max", {interpolated(g, inside), g.number(0.01f)}));
      grids_[k] = grid;
      grid = coarsened(g, grid);
    }
  }

  // The sum of the known neighbours of each missing pixel.
  static OnnxValue right_side(OnnxGraph& g, const OnnxValue& picture, const OnnxValue& mask) {
    const Neighbours near = neighbours(g, picture);
    return g.mul(mask, sum(g, {near.above, near.below, near.left, near.right}));
  }

  OnnxValue solve(OnnxGraph& graph, const OnnxValue& right_side) const {
    const OnnxValue zero = graph.mul(right_side, graph.number(0));
    const OnnxValue one = graph.add(total(graph, zero), graph.number(1));
    return graph.loop(
        kMostRounds, {zero, right_side, zero, one},
        [this](OnnxGraph& g, const std::vector<OnnxValue>& before) { return step(g, before); })[0];
  }

 private:
  static OnnxValue sum(OnnxGraph& g, const std::vector<OnnxValue>& values) {
    OnnxValue all = values.front();
    for (size_t i = 1; i < values.size(); ++i) all = g.add(all, values[i]);
    return all;
  }

  // Sums over each channel of a picture, [N, C, 1, 1].
  static OnnxValue total(OnnxGraph& g, const OnnxValue& a) {
    return g.op("ReduceSum", {a, g.ints({2, 3})}, {{"keepdims", int64_t{1}}});
  }

  // 0 beyond the sides.
  static Neighbours neighbours(OnnxGraph& g, const OnnxValue& a) {
    const OnnxValue ringed = g.op("Pad", {a, g.ints({0, 0, 1, 1, 0, 0, 1, 1})});
    const auto shifted = [&](int64_t row, int64_t column) {
      const auto end = [](int64_t begin) { return begin == 2 ? kEnd : begin - 2; };
      return g.slice(ringed, g.ints({row, column}), g.ints({end(row), end(column)}), {2, 3});
    };
    return {shifted(0, 1), shifted(2, 1), shifted(1, 0), shifted(1, 2)};
  }

  static OnnxValue flow(OnnxGraph& g, const Grid& grid, const OnnxValue& u) {
    const Neighbours near = neighbours(g, u);
    return sum(g, {g.mul(grid.above, near.above), g.mul(grid.below, near.below), g.mul(grid.left, near.left),
                   g.mul(grid.right, near.right)});
  }

  static OnnxValue multiply(OnnxGraph& g, const Grid& grid, const OnnxValue& u) {
    return g.sub(g.mul(grid.d, u), flow(g, grid, u));
  }

  static OnnxValue residual(OnnxGraph& g, const Grid& grid, const OnnxValue& u, const OnnxValue& f) {
    return g.sub(f, multiply(g, grid, u));
  }

  // Bilinear; a fine cell lies a quarter of a coarse one away from its centre.
  static OnnxValue interpolated(OnnxGraph& g, const OnnxValue& coarse) {
    return g.op("Resize", {coarse, "", g.floats({1, 1, 2, 2}, {4})},
                {{"mode", "linear"}, {"coordinate_transformation_mode", "half_pixel"}});
  }

  // The transpose of interpolated().
  OnnxValue restricted(OnnxGraph& g, const OnnxValue& fine) const {
    const OnnxValue ringed = g.op("Pad", {fine, g.ints({0, 0, 1, 1, 0, 0, 1, 1})}, {{"mode", "edge"}});
    return g.op("Conv", {ringed, restriction_},
                {{"kernel_shape", Ints{4, 4}}, {"strides", Ints{2, 2}}, {"group", channels_}});
  }

  // Half the sum of the edges that a coarse edge stands for; the ties to known pixels are added up.
  static Grid coarsened(OnnxGraph& g, const Grid& fine) {
    const auto pooled = [&](const OnnxValue& a, int64_t rows, int64_t columns) {
      const Ints window{rows, columns};
      return g.op("AveragePool", {a}, {{"kernel_shape", window}, {"strides", window}});
    };
    // The second of every two rows or columns.
    const auto second = [&](const OnnxValue& a, int64_t axis) {
      return g.op("Slice", {a, g.ints({1}), g.ints({kEnd}), g.ints({axis}), g.ints({2})});
    };
    // One row or column later: an edge's weight belongs to the cells on both of its ends.
    const auto later = [&](const OnnxValue& a, const Ints& pads, int64_t axis) {
      return g.slice(g.op("Pad", {a, g.ints(pads)}), g.ints({0}), g.ints({-1}), {axis});
    };
    Grid coarse;
    coarse.right = pooled(second(fine.right, 3), 2, 1);
    coarse.below = pooled(second(fine.below, 2), 1, 2);
    coarse.left = later(coarse.right, {0, 0, 0, 1, 0, 0, 0, 0}, 3);
    coarse.above = later(coarse.below, {0, 0, 1, 0, 0, 0, 0, 0}, 2);
    const OnnxValue known = g.sub(fine.d, sum(g, {fine.above, fine.below, fine.left, fine.right}));
    const OnnxValue tied = g.op("Min", {g.mul(pooled(known, 2, 2), g.number(4)), g.number(kMostKnownWeight)});
    coarse.d = sum(g, {tied, coarse.above, coarse.below, coarse.left, coarse.right});
    return coarse;
  }

  // The inverse roots of the Chebyshev polynomial of this degree on [lowest, 2].
  static std::vector<float> factors(double lowest, int degree) {
    constexpr double kHighest = 2;
    std::vector<float> all;
    for (int i = 0; i < degree; ++i) {
      const double root = std::cos(std::numbers::pi * (2 * i + 1) / (2 * degree));
      all.push_back(static_cast<float>(2 / ((kHighest + lowest) + (kHighest - lowest) * root)));
    }
    return all;
  }

  static OnnxValue relaxed(OnnxGraph& g, const Grid& grid, size_t i, const OnnxValue& u, const OnnxValue& f) {
    return g.add(u, g.mul(grid.relaxation[i], residual(g, grid, u, f)));
  }

  // B f on a grid. B is symmetric.
  OnnxValue cycle(OnnxGraph& g, size_t number, const OnnxValue& f) const {
    const Grid& grid = grids_[number];
    const size_t count = grid.relaxation.size();
    OnnxValue u = g.mul(grid.relaxation[0], f);
    for (size_t i = 1; i < count; ++i) u = relaxed(g, grid, i, u, f);
    if (number + 1 == grids_.size()) return u;
    const OnnxValue rest = restricted(g, g.mul(grid.interpolated, residual(g, grid, u, f)));
    u = g.add(u, g.mul(grid.interpolated, interpolated(g, cycle(g, number + 1, rest))));
    for (size_t i = count; i-- > 0;) u = relaxed(g, grid, i, u, f);
    return u;
  }

  // One step of conjugate gradients: solution, residual, direction, residual times correction.
  OnnxGraph::Round step(OnnxGraph& g, const std::vector<OnnxValue>& before) const {
    const OnnxValue &x = before[0], &r = before[1], &p = before[2], &product = before[3];
    const OnnxValue z = cycle(g, 0, r), tiny = g.number(kTiny);
    const OnnxValue now = total(g, g.mul(r, z));
    const OnnxValue direction = g.add(z, g.mul(g.div(now, g.op("Max", {product, tiny})), p));
    const OnnxValue q = multiply(g, grids_[0], direction);
    const OnnxValue length = g.div(now, g.op("Max", {total(g, g.mul(direction, q)), tiny}));
    const OnnxValue largest = g.op("ReduceMax", {g.op("Abs", {z})}, {{"keepdims", int64_t{0}}});
    return {g.op("Greater", {largest, g.number(kLargestCorrection)}),
            {g.add(x, g.mul(length, direction)), g.sub(r, g.mul(length, q)), direction, now}};
  }

  int64_t channels_;
  OnnxValue restriction_;
  std::array<Grid, kGrids> grids_;
};

// The box around all holes of a batch and the known pixels that touch it, i64 [2] each: rows and columns.
struct Box {
  OnnxValue begin, end;
};

Box box_of(OnnxGraph& g, const OnnxValue& mask, const OnnxValue& extents) {
  const auto places = [&](int64_t last) {
    std::vector<OnnxValue> both;
    for (const int64_t axis : {2, 3}) {
      const OnnxValue any =
          g.op("ReduceMax", {mask}, {{"axes", Ints{0, 1, 5 - axis}}, {"keepdims", int64_t{0}}});
      both.push_back(g.op("ArgMax", {any},
                          {{"axis", int64_t{0}}, {"keepdims", int64_t{1}}, {"select_last_index", last}}));
    }
    return g.op("Concat", both, {{"axis", int64_t{0}}});
  };
  return {g.op("Max", {g.sub(places(0), g.whole(1)), g.whole(0)}),
          g.op("Min", {g.add(places(1), g.whole(2)), extents})};
}

OnnxValue extents_of(OnnxGraph& g, const OnnxValue& a) {
  return g.slice(g.op("Shape", {a}), g.ints({2}), g.ints({4}), {0});
}

}  // namespace

OnnxValue add_harmonic_fill(OnnxGraph& g, const OnnxValue& picture, const OnnxValue& mask, int64_t channels) {
  const OnnxValue whole = extents_of(g, mask);
  const Box box = box_of(g, mask, whole);
  const OnnxValue extents = g.sub(box.end, box.begin);
  const OnnxValue added = g.op("Mod", {g.op("Neg", {extents}), g.ints({kMultiple})});
  const OnnxValue pads = g.op("Concat", {g.ints({0, 0, 0, 0, 0, 0}), added}, {{"axis", int64_t{0}}});
  const auto padded = [&](const OnnxValue& a) { return g.op("Pad", {a, pads}); };
  const auto boxed = [&](const OnnxValue& a) { return g.slice(a, box.begin, box.end, {2, 3}); };
  const OnnxValue hole = boxed(mask), hole_padded = padded(hole), picture_padded = padded(boxed(picture));
  const OnnxValue inside = g.add(g.op("ConstantOfShape", {g.op("Shape", {hole})}), g.number(1));

  HarmonicGraph harmonic(g, channels);
  harmonic.set_equations(g, hole_padded, padded(inside));
  const OnnxValue solution = harmonic.solve(g, HarmonicGraph::right_side(g, picture_padded, hole_padded));
  const OnnxValue around = g.op("Concat", {g.ints({0, 0}), box.begin, g.ints({0, 0}), g.sub(whole, box.end)},
                                {{"axis", int64_t{0}}});
  return g.add(picture, g.op("Pad", {g.slice(solution, g.ints({0, 0}), extents, {2, 3}), around}));
}

}  // namespace inpaint
