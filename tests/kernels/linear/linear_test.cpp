#include "kernels/linear/linear.h"

#include "tests/harness/orders.h"
#include "tests/harness/reference.h"
#include "tests/kernels/linear/linear_case.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

// Around vectors and the blocks of 256 features; one row, one feature, more rows than features. Sums of at
// most 600 products of integers up to 3 are exact in f32.
const LinearShape kShapes[] = {
    {1, 1, 1},      {1, 64, 1},    {3, 5, 7},    {2, 257, 3},   {5, 3, 257},
    {16, 255, 256}, {7, 600, 33},  {65, 31, 2},  {64, 8, 513},  {17, 300, 1},
    {1, 513, 300},  {5, 16, 2},    {97, 64, 33}, {13, 544, 67},  // whole vectors of inputs
    {70, 272, 310}, {3, 1104, 300}};  // many panels, in several blocks of the outputs

// Panels are the CPU's. On a GPU in bf16 the last shape fills 3 of the 32 rows of a tile: it would take half
// of the executor's time for all of them, and shows nothing new.
std::vector<LinearShape> shapes_on(Device device) {
  return {std::begin(kShapes), std::end(kShapes) - (device == Device::kCuda ? 1 : 0)};
}

GuardedTensor reals(const Shape& shape, const Placement& placement, uint32_t part) {
  // One factor is so small that half precision would hold little of it.
  return random_tensor(shape, placement, kSeed, part, 0, part == 0 ? 1e-6 : 1);
}

// factor 0: exact, but for the one rounding of a sum to bf16.
void check_products(const LinearCase& c, int factor) {
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
    for (const LinearShape& shape : shapes_on(backend.device))
      check_products(LinearCase(backend, shape, integers), 0);
}

TEST_CASE("linear: real numbers stay within the error bound") {
  const UncheckedAccesses unchecked;  // of these kernels and shapes another test looks at them
  for (const Backend& backend : matrix_backends())
    for (const LinearShape& shape : shapes_on(backend.device))
      check_products(LinearCase(backend, shape, reals), 8);
}

TEST_CASE("linear: same bits for any number of threads") {
  for (const Backend& backend : matrix_backends())
    for (const LinearShape& shape : shapes_on(backend.device)) {
      const LinearCase c(backend, shape, reals);
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

TEST_CASE("linear: on a GPU, products of few outputs take no workspace") {
  for (const Backend& backend : matrix_backends())
    if (backend.device == Device::kCuda)
      CHECK(linear_workspace_bytes(*backend.context(), {5, 16, 1}, backend.dtype) == 0);
}

TEST_CASE("linear: wrong tensors are refused") {
  const Backend backend = matrix_backends().front();
  const LinearCase c(backend, {2, 3, 4}, integers);
  const auto ctx = backend.context();
  const GuardedTensor wrong_w({3, 4}, DType::kF32), wrong_type({2, 4}, DType::kF64);
  check_refused("linear", "w", [&] { linear_forward(*ctx, c.x, wrong_w, c.dy); });
  check_refused("linear", "y", [&] { linear_backward_data(*ctx, wrong_type, c.w, c.x); });
  check_refused("linear", "w",
                [&] { linear_backward_weight(*ctx, c.x, c.dy, wrong_w, GradMode::kOverwrite); });
}
