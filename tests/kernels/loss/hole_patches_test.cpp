#include "kernels/loss/hole_patches.h"

#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

// One pixel each; fields that touch, overlap and leave gaps; that begin before the picture and end behind it;
// larger than a warp and than the picture; beside the picture; more scores than the warps of a launch.
struct Geometry {
  Shape mask, weights;
  PatchField field;
};
const Geometry kGeometries[] = {
    {{1, 1, 1}, {1, 1, 1, 1}, {1, 1, 0}},      {{2, 7, 5}, {2, 7, 5, 1}, {1, 1, 0}},
    {{2, 8, 12}, {2, 4, 6, 1}, {4, 2, -1}},    {{1, 9, 9}, {1, 3, 3, 1}, {2, 3, 1}},
    {{3, 16, 16}, {3, 2, 2, 1}, {38, 8, -15}}, {{2, 90, 75}, {2, 11, 9, 1}, {38, 8, -15}},
    {{1, 40, 100}, {1, 1, 1, 1}, {70, 1, 0}},  {{1, 6, 6}, {1, 5, 5, 1}, {3, 4, -7}},
    {{2, 30, 26}, {2, 13, 11, 1}, {3, 2, 0}}};

struct Case {
  const Backend& backend;
  Geometry g;
  GuardedTensor mask;

  Label label() const {
    return {"hole_patches", backend,
            fmt::format("{} of {}, field of {} every {} from {}", to_string(g.weights), to_string(g.mask),
                        g.field.size, g.field.stride, g.field.first)};
  }
  void run(const Context& ctx, const GuardedTensor& weights) const {
    hole_patches(ctx, g.field, mask, weights);
  }

  // The definition: every pixel is asked for every score.
  std::vector<double> want() const {
    std::vector<double> all;
    const auto is_in = [&](int64_t place, int64_t score) {
      const int64_t into = place - (g.field.first + score * g.field.stride);
      return into >= 0 && into < g.field.size;
    };
    for (int64_t s = 0; s < g.weights.elements(); ++s) {
      const int64_t n = s / g.weights[2] / g.weights[1], i = s / g.weights[2] % g.weights[1],
                    j = s % g.weights[2];
      double touches = 0;
      for (int64_t row = 0; row < g.mask[1]; ++row)
        for (int64_t column = 0; column < g.mask[2]; ++column)
          if (is_in(row, i) && is_in(column, j) && mask[(n * g.mask[1] + row) * g.mask[2] + column] != 0)
            touches = 1;
      all.push_back(touches);
    }
    return all;
  }
};

// missing(i) gives the byte of pixel i.
template <typename F>
Case case_of(const Backend& backend, const Geometry& g, F&& missing) {
  return {backend, g, GuardedTensor(g.mask, backend.of(DType::kU8), missing)};
}

// Few pixels, so that there are scores of both kinds. Every byte but 0 is missing.
Case sparse_case(const Backend& backend, const Geometry& g) {
  return case_of(backend, g, [](int64_t i) {
    return i % 97 == 3 || i % 61 == 0 ? static_cast<double>(1 + 127 * (i % 3)) : 0.0;
  });
}

}  // namespace

TEST_CASE("hole_patches: a score counts where its field touches a missing pixel") {
  for (const Backend& backend : activation_backends())
    for (const Geometry& g : kGeometries) {
      const Case c = sparse_case(backend, g);
      const GuardedTensor weights(g.weights, backend);
      c.run(*backend.context(), weights);
      check_exact(c.label(), "weights", weights, c.want());
      check_guards(c.label(), "mask", c.mask);
    }
}

// Small fields, and some that a warp reads in three turns.
TEST_CASE("hole_patches: one missing pixel, in each place") {
  for (const Backend& backend : activation_backends())
    for (const Geometry& g :
         {Geometry{{1, 5, 6}, {1, 3, 3, 1}, {3, 2, -1}}, Geometry{{1, 3, 80}, {1, 1, 2, 1}, {70, 8, 0}}}) {
      const auto ctx = backend.context();
      for (int64_t place = 0; place < g.mask.elements(); ++place) {
        const Case c = case_of(backend, g, [=](int64_t i) { return i == place ? 255.0 : 0.0; });
        const GuardedTensor weights(g.weights, backend);
        c.run(*ctx, weights);
        check_exact(c.label(), "weights", weights, c.want());
      }
    }
}

TEST_CASE("hole_patches: no hole, and all hole") {
  for (const Backend& backend : activation_backends())
    for (const Geometry& g : kGeometries) {
      const auto ctx = backend.context();
      const auto n = static_cast<size_t>(g.weights.elements());
      const GuardedTensor none(g.weights, backend), all(g.weights, backend);
      const Case known = case_of(backend, g, [](int64_t) { return 0.0; });
      known.run(*ctx, none);
      check_exact(known.label(), "weights", none, std::vector<double>(n, 0.0));
      const Case missing = case_of(backend, g, [](int64_t) { return 1.0; });
      missing.run(*ctx, all);
      check_exact(missing.label(), "weights", all, missing.want());
    }
}

TEST_CASE("hole_patches: same bits for any number of threads") {
  for (const Backend& backend : activation_backends())
    for (const Geometry& g : kGeometries) {
      const Case c = sparse_case(backend, g);
      check_same_bits(c.label(), [&](Context& ctx) {
        GuardedTensor weights(g.weights, backend);
        c.run(ctx, weights);
        return outputs(weights);
      });
    }
}

TEST_CASE("hole_patches: wrong tensors are refused") {
  const auto ctx = backends().front().context();
  const GuardedTensor mask({2, 4, 4}, DType::kU8), f32({2, 4, 4}, DType::kF32), flat({32}, DType::kU8),
      none({0, 4, 4}, DType::kU8);
  const GuardedTensor weights({2, 2, 2, 1}, DType::kF32), one({1, 2, 2, 1}, DType::kF32),
      wide({2, 2, 2, 2}, DType::kF32), few({2, 2, 2}, DType::kF32), empty({2, 0, 2, 1}, DType::kF32),
      bytes({2, 2, 2, 1}, DType::kU8);
  const auto run = [&](const PatchField& field, const Tensor& m, const Tensor& w) {
    hole_patches(*ctx, field, m, w);
  };
  const PatchField field{3, 2, 0};
  check_refused("hole_patches", "field", [&] { run({0, 2, 0}, mask, weights); });
  check_refused("hole_patches", "field", [&] { run({3, 0, 0}, mask, weights); });
  check_refused("hole_patches", "mask", [&] { run(field, f32, weights); });
  check_refused("hole_patches", "mask", [&] { run(field, flat, weights); });
  check_refused("hole_patches", "mask", [&] { run(field, none, weights); });
  for (const GuardedTensor* wrong : {&one, &wide, &few, &empty})
    check_refused("hole_patches", "weights", [&] { run(field, mask, *wrong); });
  CHECK_THROWS_AS(run(field, mask, bytes), ShapeError);
}
