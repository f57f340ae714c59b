#include "kernels/linear/linear.h"

#include "tests/harness/op_check.h"
#include "tests/harness/reference.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

struct Sizes {
  int64_t n, in, out;
};

// Around vectors and the blocks of 256 features; one row, one feature, more rows than features. Sums of at
// most 600 products of integers up to 3 are exact in f32.
const Sizes kShapes[] = {
    {1, 1, 1},      {1, 64, 1},    {3, 5, 7},    {2, 257, 3},   {5, 3, 257},
    {16, 255, 256}, {7, 600, 33},  {65, 31, 2},  {64, 8, 513},  {17, 300, 1},
    {1, 513, 300},  {5, 16, 2},    {97, 64, 33}, {13, 544, 67},  // whole vectors of inputs
    {3, 1104, 300}, {70, 272, 310}};  // many panels, in several blocks of the outputs

struct Case {
  const Backend& backend;
  Sizes s;
  GuardedTensor x, w, dy;
  std::vector<Bounded> want_y, want_dx, want_dw;

  Case(const Backend& b, const Sizes& sizes,
       GuardedTensor (*make)(const Shape&, const Placement&, uint32_t part))
      : backend(b),
        s(sizes),
        x(make({s.n, s.in}, b, 0)),
        w(make({s.out, s.in}, b, 1)),
        dy(make({s.n, s.out}, b, 2)),
        want_y(static_cast<size_t>(dy.elements())),
        want_dx(static_cast<size_t>(x.elements())),
        want_dw(static_cast<size_t>(w.elements())) {
    for (int64_t n = 0; n < s.n; ++n)
      for (int64_t o = 0; o < s.out; ++o)
        for (int64_t i = 0; i < s.in; ++i) {
          const int64_t ix = n * s.in + i, iw = o * s.in + i, iy = n * s.out + o;
          want_y[static_cast<size_t>(iy)] += Bounded(x[ix]) * w[iw];
          want_dx[static_cast<size_t>(ix)] += Bounded(dy[iy]) * w[iw];
          want_dw[static_cast<size_t>(iw)] += Bounded(dy[iy]) * x[ix];
        }
  }

  Label label(const char* op) const {
    return {op, backend, fmt::format("n {} in {} out {}", s.n, s.in, s.out)};
  }
};

GuardedTensor integers(const Shape& shape, const Placement& placement, uint32_t part) {
  return integer_tensor(shape, placement, kSeed, part);
}
GuardedTensor reals(const Shape& shape, const Placement& placement, uint32_t part) {
  // One factor is so small that half precision would hold little of it.
  return random_tensor(shape, placement, kSeed, part, 0, part == 0 ? 1e-6 : 1);
}

// factor 0: exact, but for the one rounding of a sum to bf16.
void check_products(const Case& c, int factor) {
  const int factor_of_bf16 = c.backend.dtype == DType::kBF16 ? std::max(factor, 1) : factor;
  GuardedTensor y({c.s.n, c.s.out}, c.backend), dx({c.s.n, c.s.in}, c.backend),
      dw({c.s.out, c.s.in}, c.backend.parameters());
  const auto ctx = c.backend.context();
  prepare_workspace(*ctx, linear_workspace_bytes(*ctx, {c.s.n, c.s.in, c.s.out}, c.backend.dtype));
  linear_forward(*ctx, c.x, c.w, y);
  check_close(c.label("linear_forward"), "y", y, c.want_y, factor_of_bf16);
  linear_backward_data(*ctx, c.dy, c.w, dx);
  check_close(c.label("linear_backward_data"), "dx", dx, c.want_dx, factor_of_bf16);
  linear_backward_weight(*ctx, c.x, c.dy, dw, GradMode::kOverwrite);
  check_close(c.label("linear_backward_weight"), "dw", dw, c.want_dw, factor);
  const auto want_sum = plus(c.want_dw, dw);
  linear_backward_weight(*ctx, c.x, c.dy, dw, GradMode::kAccumulate);
  check_close(c.label("linear_backward_weight"), "dw, accumulated", dw, want_sum, factor);
}

}  // namespace

TEST_CASE("linear: exact on small integers") {
  for (const Backend& backend : matrix_backends())
    for (const Sizes& sizes : kShapes) check_products(Case(backend, sizes, integers), 0);
}

TEST_CASE("linear: real numbers stay within the error bound") {
  for (const Backend& backend : matrix_backends())
    for (const Sizes& sizes : kShapes) check_products(Case(backend, sizes, reals), 8);
}

TEST_CASE("linear: same bits for any number of threads") {
  for (const Backend& backend : matrix_backends())
    for (const Sizes& sizes : kShapes) {
      const Case c(backend, sizes, reals);
      check_same_bits(c.label("linear"), [&](Context& ctx) {
        prepare_workspace(ctx, linear_workspace_bytes(ctx, {c.s.n, c.s.in, c.s.out}, backend.dtype));
        GuardedTensor y({c.s.n, c.s.out}, backend), dx({c.s.n, c.s.in}, backend),
            dw({c.s.out, c.s.in}, backend.parameters());
        linear_forward(ctx, c.x, c.w, y);
        linear_backward_data(ctx, c.dy, c.w, dx);
        linear_backward_weight(ctx, c.x, c.dy, dw, GradMode::kOverwrite);
        return outputs(y, dx, dw);
      });
    }
}

TEST_CASE("linear: wrong tensors are refused") {
  const Backend backend = matrix_backends().front();
  const Case c(backend, {2, 3, 4}, integers);
  const auto ctx = backend.context();
  const GuardedTensor wrong_w({3, 4}, DType::kF32), wrong_type({2, 4}, DType::kF64);
  check_refused("linear", "w", [&] { linear_forward(*ctx, c.x, wrong_w, c.dy); });
  check_refused("linear", "y", [&] { linear_backward_data(*ctx, wrong_type, c.w, c.x); });
  check_refused("linear", "w",
                [&] { linear_backward_weight(*ctx, c.x, c.dy, wrong_w, GradMode::kOverwrite); });
}
