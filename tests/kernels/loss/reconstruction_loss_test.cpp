#include "kernels/loss/reconstruction_loss.h"

#include "tests/harness/derivative.h"
#include "tests/harness/op_check.h"
#include "tests/harness/reference.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

constexpr double kWeight = 0.75;
constexpr ReconstructionNorm kNorms[] = {ReconstructionNorm::kL1, ReconstructionNorm::kL2};

// Around the 16 lanes and the 16384 elements of a block on the CPU, and the packs and rounds of blocks on
// a GPU.
const Shape kShapes[] = {{1, 1, 1, 1},  {1, 3, 5, 1},     {2, 4, 4, 3},     {1, 4, 4, 5},  {3, 1, 1, 64},
                         {1, 1, 17, 1}, {1, 1, 16383, 1}, {1, 1, 16385, 1}, {5, 64, 64, 3}};
const Shape kSmallShapes[] = {{1, 1, 1, 1}, {2, 3, 2, 3}};

struct Case {
  const Backend& backend;
  ReconstructionNorm norm;
  Shape shape;
  GuardedTensor fake, hidden, loss;
  std::unique_ptr<Context> ctx;

  Case(const Backend& b, ReconstructionNorm n, const Shape& s)
      : backend(b),
        norm(n),
        shape(s),
        fake(random_tensor(s, b, kSeed, 0)),
        hidden(random_tensor(s, b, kSeed, 1)),
        loss({1}, b.of(DType::kF64)),
        ctx(b.context()) {
    prepare_workspace(*ctx, reconstruction_loss_workspace_bytes(*ctx, s));
  }

  Label label() const {
    return {norm == ReconstructionNorm::kL2 ? "reconstruction_loss L2" : "reconstruction_loss L1", backend,
            to_string(shape)};
  }

  void run(const GuardedTensor* dfake, GradMode mode) {
    reconstruction_loss(*ctx, norm, fake, hidden, kWeight, loss, dfake ? dfake->pointer() : nullptr, mode);
  }

  std::vector<Bounded> want_loss() const {
    return {reference::reconstruction_loss(norm, fake.values<Bounded>(), hidden.values<Bounded>())};
  }

  std::vector<Bounded> want_gradient() const {
    const Bounded n = static_cast<double>(fake.elements());
    std::vector<Bounded> want;
    for (int64_t i = 0; i < fake.elements(); ++i) {
      const Bounded d = Bounded(fake[i]) - hidden[i];
      const Bounded slope = norm == ReconstructionNorm::kL2 ? Bounded(2) * d
                            : d.value > 0                   ? 1
                            : d.value < 0                   ? -1
                                                            : 0;
      want.push_back(Bounded(kWeight) * slope / n);
    }
    return want;
  }
};

}  // namespace

TEST_CASE("reconstruction_loss: loss and gradient match the formulas, overwritten, added to or left out") {
  for (const Backend& backend : activation_backends())
    for (const ReconstructionNorm norm : kNorms)
      for (const Shape& shape : kShapes) {
        Case c(backend, norm, shape);
        GuardedTensor dfake(shape, backend);
        c.run(&dfake, GradMode::kOverwrite);
        check_close(c.label(), "loss", c.loss, c.want_loss());
        check_close(c.label(), "dfake", dfake, c.want_gradient());

        const auto want_sum = plus(c.want_gradient(), dfake);
        c.run(&dfake, GradMode::kAccumulate);
        check_close(c.label(), "dfake, accumulated", dfake, want_sum);

        const double with_gradient = c.loss[0];
        c.loss.set(0, std::nan(""));
        c.run(nullptr, GradMode::kOverwrite);
        CHECK_MESSAGE(c.loss[0] == with_gradient, describe(c.label(), "loss without dfake"));
      }
}

TEST_CASE("reconstruction_loss: the gradient is the derivative of the weighted loss") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kSmallShapes) {
      Case c(backend, ReconstructionNorm::kL2, shape);
      GuardedTensor dfake(shape, backend);
      c.run(&dfake, GradMode::kOverwrite);
      const auto want = complex_step(c.fake.values(), [&](const auto& fake) {
        return Complex(kWeight) * reference::reconstruction_loss(c.norm, fake, c.hidden.values<Complex>());
      });
      std::vector<Bounded> bounded = c.want_gradient();
      for (size_t i = 0; i < want.size(); ++i) bounded[i].value = want[i];
      check_close(c.label(), "dfake as derivative", dfake, bounded);
    }
}

TEST_CASE("reconstruction_loss: L1 on a grid of integers, ties included") {
  // |d| is linear between integers, and its two-sided slope at a tie is 0: the differences are exact.
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : {Shape{1, 1, 1, 1}, Shape{2, 4, 2, 4}, Shape{4, 8, 8, 1}}) {
      Case c(backend, ReconstructionNorm::kL1, shape);
      c.fake = integer_tensor(shape, backend, kSeed, 0, 1);
      c.hidden = integer_tensor(shape, backend, kSeed, 1, 1);
      GuardedTensor dfake(shape, backend);
      c.run(&dfake, GradMode::kOverwrite);
      check_exact(c.label(), "dfake", dfake, central_differences(c.fake.values(), 0.5, [&](const auto& fake) {
                    return kWeight * reference::reconstruction_loss(c.norm, fake, c.hidden.values());
                  }));
      check_exact(c.label(), "loss", c.loss,
                  {reference::reconstruction_loss(c.norm, c.fake.values(), c.hidden.values())});
    }
}

TEST_CASE("reconstruction_loss: same bits for any number of threads") {
  for (const Backend& backend : activation_backends())
    for (const ReconstructionNorm norm : kNorms)
      for (const Shape& shape : kShapes) {
        const Case c(backend, norm, shape);
        check_same_bits(c.label(), [&](Context& ctx) {
          prepare_workspace(ctx, reconstruction_loss_workspace_bytes(ctx, shape));
          GuardedTensor loss({1}, backend.of(DType::kF64)), dfake(shape, backend);
          reconstruction_loss(ctx, norm, c.fake, c.hidden, kWeight, loss, dfake.pointer(),
                              GradMode::kOverwrite);
          return outputs(loss, dfake);
        });
      }
}

TEST_CASE("reconstruction_loss: wrong tensors are refused") {
  const Backend backend = backends().front();
  const Case c(backend, ReconstructionNorm::kL2, {1, 2, 2, 3});
  const GuardedTensor wrong({1, 2, 3, 2}, DType::kF32), f32_loss({1}, DType::kF32),
      empty({0, 2, 2, 3}, DType::kF32);
  const auto run = [&](const Tensor& fake, const Tensor& hidden, const Tensor& loss, const Tensor* dfake) {
    reconstruction_loss(*c.ctx, c.norm, fake, hidden, 1, loss, dfake, GradMode::kOverwrite);
  };
  check_refused("reconstruction_loss", "hidden", [&] { run(c.fake, wrong, c.loss, nullptr); });
  check_refused("reconstruction_loss", "loss", [&] { run(c.fake, c.hidden, f32_loss, nullptr); });
  check_refused("reconstruction_loss", "dfake", [&] { run(c.fake, c.hidden, c.loss, wrong.pointer()); });
  check_refused("reconstruction_loss", "fake", [&] { run(empty, empty, c.loss, nullptr); });
}
