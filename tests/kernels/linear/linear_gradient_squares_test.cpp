#include "kernels/linear/linear_gradient_squares.h"

#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

// Odd ones; one example; rows around the lanes of the CPU and the threads of a block; more examples than
// inputs, so that they cannot be independent.
const LinearShape kShapes[] = {{1, 1, 1},    {1, 300, 17},  {3, 5, 7}, {2, 257, 19},
                               {4, 64, 255}, {3, 1040, 50}, {20, 3, 2}};

double run(const Label& label, Context& ctx, int64_t n, const GuardedTensor& x, const GuardedTensor& dy) {
  prepare_workspace(ctx, linear_gradient_squares_workspace_bytes(ctx, n));
  const GuardedTensor squares({1}, label.backend.of(DType::kF64));
  linear_gradient_squares(ctx, x, dy, squares);
  check_guards(label, "squares", squares);
  return squares[0];
}

// The gradient itself, then its squares.
long double squares_of_gradient(const LinearShape& s, const GuardedTensor& x, const GuardedTensor& dy) {
  long double squares = 0;
  for (int64_t o = 0; o < s.out; ++o)
    for (int64_t i = 0; i < s.in; ++i) {
      long double g = 0;
      for (int64_t n = 0; n < s.n; ++n) g += static_cast<long double>(dy[n * s.out + o]) * x[n * s.in + i];
      squares += g * g;
    }
  return squares;
}

Label label_of(const Backend& backend, const LinearShape& s) {
  return {"linear_gradient_squares", backend, fmt::format("n {} in {} out {}", s.n, s.in, s.out)};
}

}  // namespace

TEST_CASE("linear_gradient_squares: the sum of the gradient's squares, whole numbers exactly") {
  for (const Backend& backend : activation_backends())
    for (const LinearShape& s : kShapes) {
      const Label label = label_of(backend, s);
      const auto ctx = backend.context();
      const GuardedTensor whole_x(integer_tensor({s.n, s.in}, backend, kSeed, 0)),
          whole_dy(integer_tensor({s.n, s.out}, backend, kSeed, 1));
      CHECK_MESSAGE(run(label, *ctx, s.n, whole_x, whole_dy) ==
                        static_cast<double>(squares_of_gradient(s, whole_x, whole_dy)),
                    describe(label, "whole numbers"));
      const GuardedTensor x(random_tensor({s.n, s.in}, backend, kSeed, 2)),
          dy(random_tensor({s.n, s.out}, backend, kSeed, 3, 0, 1e-3));
      const auto want = static_cast<double>(squares_of_gradient(s, x, dy));
      CHECK_MESSAGE(run(label, *ctx, s.n, x, dy) == doctest::Approx(want).epsilon(1e-11),
                    describe(label, "random"));
    }
}

TEST_CASE("linear_gradient_squares: the same bits for any number of threads") {
  for (const Backend& backend : activation_backends())
    for (const LinearShape& s : kShapes) {
      const Label label = label_of(backend, s);
      const GuardedTensor x(random_tensor({s.n, s.in}, backend, kSeed, 2)),
          dy(random_tensor({s.n, s.out}, backend, kSeed, 3));
      check_same_bits(label, [&](Context& ctx) {
        prepare_workspace(ctx, linear_gradient_squares_workspace_bytes(ctx, s.n));
        GuardedTensor squares({1}, backend.of(DType::kF64));
        linear_gradient_squares(ctx, x, dy, squares);
        return outputs(squares);
      });
    }
}

TEST_CASE("linear_gradient_squares: a value that is not finite shows") {
  for (const Backend& backend : activation_backends()) {
    const LinearShape s{3, 5, 7};
    const auto ctx = backend.context();
    const GuardedTensor dy(random_tensor({s.n, s.out}, backend, kSeed, 3)),
        bad({s.n, s.in}, backend, [](int64_t i) { return i == 14 ? NAN : 0.5; });
    CHECK_FALSE(std::isfinite(run(label_of(backend, s), *ctx, s.n, bad, dy)));
  }
}

TEST_CASE("linear_gradient_squares: wrong tensors are refused") {
  const Backend backend = activation_backends().front();
  const auto ctx = backend.context();
  const GuardedTensor x({3, 5}, DType::kF32), dy({3, 7}, DType::kF32), fewer({2, 7}, DType::kF32),
      row({3}, DType::kF32), wide({3, 7}, DType::kF64), squares({1}, DType::kF64), two({2}, DType::kF64),
      single({1}, DType::kF32);
  prepare_workspace(*ctx, linear_gradient_squares_workspace_bytes(*ctx, 3));
  const auto run = [&](const Tensor& xs, const Tensor& dys, const Tensor& sum) {
    linear_gradient_squares(*ctx, xs, dys, sum);
  };
  check_refused("linear_gradient_squares", "x", [&] { run(row, dy, squares); });
  check_refused("linear_gradient_squares", "dy", [&] { run(x, row, squares); });
  check_refused("linear_gradient_squares", "dy", [&] { run(x, fewer, squares); });
  check_refused("linear_gradient_squares", "dy", [&] { run(x, wide, squares); });
  check_refused("linear_gradient_squares", "squares", [&] { run(x, dy, two); });
  check_refused("linear_gradient_squares", "squares", [&] { run(x, dy, single); });
}
