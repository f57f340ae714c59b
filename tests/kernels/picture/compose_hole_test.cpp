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

namespace {

// A gradient of pictures and mask. It is no number where it must not count: at known pixels, and of the mask.
struct BackwardCase {
  Case given;
  double scale;
  GuardedTensor dx, scales, dresidual, squares;

  BackwardCase(const Backend& b, const Shape& s, double factor)
      : given(b, s),
        scale(factor),
        dx(random_tensor({s[0], s[1], s[2], s[3] + 1}, b, kSeed, 2)),
        scales({1}, b.of(DType::kF64), [=](int64_t) { return factor; }),
        dresidual(random_tensor(s, b, kSeed, 3)),
        squares({1}, b.of(DType::kF64)) {
    for (int64_t i = 0; i < dx.elements(); ++i)
      if (i % (s[3] + 1) == s[3] || given.mask[i / (s[3] + 1)] == 0) dx.set(i, std::nan(""));
    dresidual.set(0, -0.0);
  }

  Label label() const { return {"compose_hole_backward", given.backend, to_string(given.shape)}; }
  double gradient(int64_t i) const { return dx[i + i / given.shape[3]]; }
  void prepare(Context& ctx) const {
    prepare_workspace(ctx, compose_hole_backward_workspace_bytes(ctx, given.shape));
  }
  void run(const Context& ctx, const Tensor& sum) const {
    compose_hole_backward(ctx, dx, given.mask, scales, dresidual, sum);
  }
};

}  // namespace

TEST_CASE("compose_hole_backward: the scaled gradient is added in the hole, and its squares summed") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes)
      for (const double scale : {0.3, 0.0, -2.0}) {
        const BackwardCase c(backend, shape, scale), untouched(backend, shape, scale);
        const GuardedTensor& before = untouched.dresidual;
        const auto ctx = backend.context();
        c.prepare(*ctx);
        c.run(*ctx, c.squares);
        std::vector<Bounded> want;
        Bounded squares;
        for (int64_t i = 0; i < c.dresidual.elements(); ++i) {
          want.push_back(before[i]);
          if (c.given.missing(i)) {
            want.back() += Bounded(scale) * Bounded(c.gradient(i));
            squares += Bounded(c.gradient(i)) * Bounded(c.gradient(i));
          } else {
            CHECK_MESSAGE(std::signbit(c.dresidual[i]) == std::signbit(before[i]),
                          describe(c.label(), "sign"));
            want.back().magnitude = 0;
          }
        }
        check_close(c.label(), "dresidual", c.dresidual, want, 4);
        check_close(c.label(), "squares", c.squares, {squares});
        check_guards(c.label(), "dx", c.dx);

        const BackwardCase without(backend, shape, scale);
        without.run(*ctx, {});
        CHECK_MESSAGE(without.dresidual.same_bits(c.dresidual), describe(c.label(), "without squares"));
        CHECK(std::isnan(without.squares[0]));
      }
}

TEST_CASE("compose_hole_backward: a call after another adds to it, with the scale of its own") {
  for (const Backend& backend : activation_backends()) {
    const Shape shape{2, 5, 7, 3};
    BackwardCase c(backend, shape, 1);
    for (int64_t i = 0; i < c.dx.elements(); ++i) c.dx.set(i, static_cast<double>(i % 5) - 2);
    for (int64_t i = 0; i < c.dresidual.elements(); ++i) c.dresidual.set(i, 0);
    const auto ctx = backend.context();
    c.prepare(*ctx);
    c.run(*ctx, {});
    c.scales.set(0, 4);
    c.run(*ctx, {});
    std::vector<double> want;
    for (int64_t i = 0; i < c.dresidual.elements(); ++i)
      want.push_back(c.given.missing(i) ? 5 * c.gradient(i) : 0);
    check_exact(c.label(), "dresidual", c.dresidual, want);
  }
}

TEST_CASE("compose_hole_backward: without a hole nothing is added") {
  for (const Backend& backend : activation_backends()) {
    const Shape shape{2, 5, 7, 3};
    BackwardCase c(backend, shape, 1);
    for (int64_t i = 0; i < c.given.mask.elements(); ++i) c.given.mask.set(i, 0);
    const auto ctx = backend.context();
    c.prepare(*ctx);
    c.run(*ctx, c.squares);
    CHECK(c.dresidual.same_bits(BackwardCase(backend, shape, 1).dresidual));
    check_exact(c.label(), "squares", c.squares, {0});
  }
}

TEST_CASE("compose_hole_backward: same bits for any number of threads") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes)
      check_same_bits(BackwardCase(backend, shape, 0.3).label(), [&](Context& ctx) {
        BackwardCase c(backend, shape, 0.3);
        c.prepare(ctx);
        c.run(ctx, c.squares);
        return outputs(c.dresidual, c.squares);
      });
}

TEST_CASE("compose_hole_backward: wrong tensors are refused") {
  const Backend backend = backends().front();
  const auto ctx = backend.context();
  const BackwardCase c(backend, {2, 4, 4, 3}, 1);
  const GuardedTensor f64({2, 4, 4, 4}, DType::kF64), f32({1}, DType::kF32), flat({32, 3}, DType::kF32);
  const auto run = [&](const Tensor& dx, const Tensor& mask, const Tensor& scale, const Tensor& dresidual,
                       const Tensor& squares) {
    compose_hole_backward(*ctx, dx, mask, scale, dresidual, squares);
  };
  const char* const op = "compose_hole_backward";
  check_refused(op, "dresidual", [&] { compose_hole_backward_workspace_bytes(*ctx, {32, 3}); });
  check_refused(op, "dx", [&] { run(c.dresidual, c.given.mask, c.scales, c.dresidual, {}); });
  check_refused(op, "dx", [&] { run(f64, c.given.mask, c.scales, c.dresidual, {}); });
  check_refused(op, "mask", [&] { run(c.dx, c.dresidual, c.scales, c.dresidual, {}); });
  check_refused(op, "scale", [&] { run(c.dx, c.given.mask, f32, c.dresidual, {}); });
  check_refused(op, "dresidual", [&] { run(c.dx, c.given.mask, c.scales, flat, {}); });
  check_refused(op, "squares", [&] { run(c.dx, c.given.mask, c.scales, c.dresidual, f32); });
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
