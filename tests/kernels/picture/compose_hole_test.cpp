#include "kernels/picture/compose_hole.h"

#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

// Single pixels, channel counts, packs that hold known and missing values, several blocks and turns.
const Shape kShapes[] = {{1, 1, 1, 1}, {1, 1, 1, 3},  {2, 3, 5, 3},   {3, 4, 4, 1},     {2, 5, 7, 2},
                         {1, 3, 3, 8}, {1, 2, 3, 64}, {2, 16, 16, 3}, {1, 150, 150, 3}, {2, 130, 130, 1}};

// A residual that is no number where the pixel is known: it must not count there.
struct Case {
  const Backend& backend;
  Shape shape;
  GuardedTensor mask, filled, residual;

  Case(const Backend& b, const Shape& s)
      : backend(b),
        shape(s),
        mask({s[0], s[1], s[2]}, b.of(DType::kU8),
             [](int64_t i) { return i % 40 > 25 || i % 3 == 0 ? static_cast<double>(i % 2 + 1) : 0.0; }),
        filled(random_tensor(s, b.parameters(), kSeed, 0)),
        residual(random_tensor(s, b, kSeed, 1)) {
    for (int64_t i = 0; i < filled.elements(); ++i) {
      if (!missing(i)) residual.set(i, std::nan(""));
      if (i % 11 == 5) filled.set(i, -0.0);
    }
  }

  Label label() const { return {"compose_hole", backend, to_string(shape)}; }
  bool missing(int64_t i) const { return mask[i / shape[3]] != 0; }
  GuardedTensor want() const {
    return {shape, backend.parameters(), [&](int64_t i) {
              if (!missing(i)) return filled[i];
              if (backend.dtype == DType::kF64) return filled[i] + residual[i];
              return static_cast<double>(static_cast<float>(filled[i]) + static_cast<float>(residual[i]));
            }};
  }
};

}  // namespace

TEST_CASE("compose_hole: the residual is added in the hole, known pixels keep their bits, also in place") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes) {
      const Case c(backend, shape);
      const GuardedTensor want = c.want(), painted(shape, backend.parameters());
      compose_hole(*backend.context(), c.filled, c.residual, c.mask, painted);
      check_exact(c.label(), "painted", painted, want.values());
      CHECK_MESSAGE(painted.same_bits(want), describe(c.label(), "painted"));
      compose_hole(*backend.context(), c.filled, c.residual, c.mask, c.filled);
      CHECK_MESSAGE(c.filled.same_bits(want), describe(c.label(), "painted in place"));
      check_guards(c.label(), "painted in place", c.filled);
    }
}

TEST_CASE("compose_hole: same bits for any number of threads") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes) {
      const Case c(backend, shape);
      check_same_bits(c.label(), [&](Context& ctx) {
        GuardedTensor painted(shape, backend.parameters());
        compose_hole(ctx, c.filled, c.residual, c.mask, painted);
        return outputs(painted);
      });
    }
}

TEST_CASE("compose_hole: wrong tensors are refused") {
  const Backend backend = backends().front();
  const auto ctx = backend.context();
  const GuardedTensor right({2, 4, 4, 3}, DType::kF32), f64({2, 4, 4, 3}, DType::kF64);
  const GuardedTensor mask({2, 4, 4}, DType::kU8), wide({2, 4, 5, 3}, DType::kF32),
      flat({16, 3}, DType::kF32);
  check_refused("compose_hole", "filled", [&] { compose_hole(*ctx, f64, right, mask, right); });
  check_refused("compose_hole", "residual", [&] { compose_hole(*ctx, right, flat, mask, right); });
  check_refused("compose_hole", "mask", [&] { compose_hole(*ctx, right, right, right, right); });
  check_refused("compose_hole", "painted", [&] { compose_hole(*ctx, right, right, mask, wide); });
}
