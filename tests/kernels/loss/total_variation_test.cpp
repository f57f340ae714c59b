#include "kernels/loss/total_variation.h"

#include "tests/harness/derivative.h"
#include "tests/harness/op_check.h"
#include "tests/harness/reference.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

constexpr double kWeight = 0.5;

// Pictures without neighbours in one direction or both, rows around the 16 lanes, several blocks of rows,
// rows longer than a block, picture borders inside a block; more pictures than the blocks of a launch.
const Shape kShapes[] = {{1, 1, 1, 1},  {2, 1, 1, 3},   {1, 1, 9, 1},    {2, 7, 1, 5},
                         {1, 2, 2, 1},  {3, 5, 6, 3},   {2, 3, 17, 1},   {2, 4, 5, 5},
                         {1, 3, 3, 64}, {4, 64, 64, 3}, {2, 2, 5600, 3}, {3, 63, 65, 1}};

struct Case {
  const Backend& backend;
  Shape shape;
  GuardedTensor x, loss;
  std::unique_ptr<Context> ctx;

  Case(const Backend& b, const Shape& s, GuardedTensor values)
      : backend(b), shape(s), x(std::move(values)), loss({1}, b.of(DType::kF64)), ctx(b.context()) {
    prepare_workspace(*ctx, total_variation_workspace_bytes(*ctx, s));
  }

  Label label() const { return {"total_variation", backend, to_string(shape)}; }
  void run(const GuardedTensor* dx, GradMode mode) {
    total_variation(*ctx, x, kWeight, loss, dx ? dx->pointer() : nullptr, mode);
  }

  // One term per neighbour, from the header's formula.
  std::vector<Bounded> want_gradient() const {
    const auto sign = [](double d) { return d > 0 ? 1.0 : d < 0 ? -1.0 : 0.0; };
    const int64_t column = shape[3], row = shape[2] * column;
    std::vector<Bounded> want;
    for (int64_t k = 0; k < x.elements(); ++k) {
      const int64_t i = k / row % shape[1], j = k / column % shape[2];
      double signs = 0;
      if (i > 0) signs += sign(x[k] - x[k - row]);
      if (i + 1 < shape[1]) signs += sign(x[k] - x[k + row]);
      if (j > 0) signs += sign(x[k] - x[k - column]);
      if (j + 1 < shape[2]) signs += sign(x[k] - x[k + column]);
      want.push_back(Bounded(kWeight) / static_cast<double>(shape[0]) * signs);
    }
    return want;
  }
};

}  // namespace

TEST_CASE("total_variation: loss and gradient match the formulas, overwritten, added to or left out") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes) {
      Case c(backend, shape, random_tensor(shape, backend, kSeed, 0));
      GuardedTensor dx(shape, backend);
      c.run(&dx, GradMode::kOverwrite);
      check_close(c.label(), "loss", c.loss, {reference::total_variation(shape, c.x.values<Bounded>())});
      check_close(c.label(), "dx", dx, c.want_gradient());

      const auto want_sum = plus(c.want_gradient(), dx);
      c.run(&dx, GradMode::kAccumulate);
      check_close(c.label(), "dx, accumulated", dx, want_sum);

      const double with_gradient = c.loss[0];
      c.loss.set(0, std::nan(""));
      c.run(nullptr, GradMode::kOverwrite);
      CHECK_MESSAGE(c.loss[0] == with_gradient, describe(c.label(), "loss without dx"));
    }
}

TEST_CASE("total_variation: on a grid of integers, ties included, the gradient is the derivative") {
  // Linear between integers, and 0 is the two-sided slope at a tie: the differences are exact.
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : {Shape{1, 1, 1, 1}, Shape{1, 1, 9, 1}, Shape{2, 7, 1, 2}, Shape{2, 5, 6, 3}}) {
      Case c(backend, shape, integer_tensor(shape, backend, kSeed, 0, 1));
      GuardedTensor dx(shape, backend);
      c.run(&dx, GradMode::kOverwrite);
      check_exact(c.label(), "loss", c.loss, {reference::total_variation(shape, c.x.values())});
      check_exact(c.label(), "dx", dx, central_differences(c.x.values(), 0.25, [&](const auto& x) {
                    return kWeight * reference::total_variation(shape, x);
                  }));
    }
}

TEST_CASE("total_variation: same bits for any number of threads") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes) {
      const Case c(backend, shape, random_tensor(shape, backend, kSeed, 0));
      check_same_bits(c.label(), [&](Context& ctx) {
        prepare_workspace(ctx, total_variation_workspace_bytes(ctx, shape));
        GuardedTensor loss({1}, backend.of(DType::kF64)), dx(shape, backend);
        total_variation(ctx, c.x, kWeight, loss, dx.pointer(), GradMode::kOverwrite);
        return outputs(loss, dx);
      });
    }
}

TEST_CASE("total_variation: wrong tensors are refused") {
  const Backend backend = backends().front();
  const Case c(backend, {1, 2, 3, 1}, random_tensor({1, 2, 3, 1}, backend, kSeed, 0));
  const GuardedTensor flat({2, 3}, DType::kF32), f32_loss({1}, DType::kF32), wrong({1, 3, 2, 1}, DType::kF32);
  const auto run = [&](const Tensor& x, const Tensor& loss, const Tensor* dx) {
    total_variation(*c.ctx, x, 1, loss, dx, GradMode::kOverwrite);
  };
  check_refused("total_variation", "x", [&] { run(flat, c.loss, nullptr); });
  check_refused("total_variation", "loss", [&] { run(c.x, f32_loss, nullptr); });
  check_refused("total_variation", "dx", [&] { run(c.x, c.loss, wrong.pointer()); });
}
