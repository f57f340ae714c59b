#include "kernels/loss/hinge.h"

#include "tests/harness/op_check.h"
#include "tests/harness/reference.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

constexpr double kWeight = 0.3;
const Shape kShapes[] = {{1, 1}, {2, 1}, {5, 1}, {64, 1}, {1000, 1}};
constexpr HingeSide kSides[] = {HingeSide::kReal, HingeSide::kFake, HingeSide::kPraised};

struct Case {
  const Backend& backend;
  GuardedTensor scores;
  HingeSide side;
  GuardedTensor loss{{1}, backend.of(DType::kF64)}, correct{{1}, backend.of(DType::kF64)};

  Label name() const {
    return {fmt::format("hinge, side {}", static_cast<int>(side)), backend,
            fmt::format("[{}, 1]", scores.elements())};
  }
  Hinge batch(const GuardedTensor* dscores, double weight = kWeight) const {
    return {scores, side, weight, loss, correct, dscores ? Tensor(*dscores) : Tensor{}};
  }
  void run(const GuardedTensor* dscores) const {
    const Hinge one = batch(dscores);
    hinge(*backend.context(), {&one, 1});
  }
};

Case random_case(const Backend& backend, const Shape& shape, HingeSide side) {
  return {backend, random_tensor(shape, backend, kSeed, 0, 0.2, 2), side};
}

Case case_of(const Backend& backend, const std::vector<double>& scores, HingeSide side) {
  const auto n = static_cast<int64_t>(scores.size());
  return {backend, GuardedTensor({n, 1}, backend, [&](int64_t i) { return scores[static_cast<size_t>(i)]; }),
          side};
}

// The loss of one score, and its derivative, as the paper has them.
double loss_of(double x, HingeSide side) {
  if (side == HingeSide::kPraised) return -x;
  return side == HingeSide::kReal ? std::max(0.0, 1 - x) : std::max(0.0, 1 + x);
}
double derivative_of(double x, HingeSide side) {
  if (side == HingeSide::kPraised) return -1;
  if (side == HingeSide::kReal) return 1 - x > 0 ? -1 : 0;
  return 1 + x > 0 ? 1 : 0;
}

}  // namespace

TEST_CASE("hinge: loss, gradient and accuracy match the definition") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes)
      for (const HingeSide side : kSides) {
        Case c = random_case(backend, shape, side);
        GuardedTensor dscores(shape, backend);
        c.run(&dscores);
        const double n = static_cast<double>(shape[0]);
        double sum = 0, size = 0, correct = 0;
        std::vector<Bounded> want;
        for (const double x : c.scores.values()) {
          sum += loss_of(x, side) / n;
          size += (1 + std::abs(x)) / n;
          correct += (x > 0) == (side != HingeSide::kFake);
          want.push_back({kWeight * derivative_of(x, side) / n, kWeight / n});
        }
        check_close(c.name(), "loss", c.loss, {Bounded(sum, size)});
        check_close(c.name(), "dscores", dscores, want);
        check_exact(c.name(), "correct", c.correct, {correct});

        const double with_gradient = c.loss[0];
        c.run(nullptr);
        CHECK_MESSAGE(c.loss[0] == with_gradient, describe(c.name(), "loss without dscores"));
      }
}

TEST_CASE("hinge: at the kink the gradient is 0, and a score of 0 counts as a painted picture's") {
  for (const Backend& backend : activation_backends()) {
    const std::vector<double> scores = {-1, 1, 0, -0.0};
    const std::vector<std::vector<double>> derivatives = {{-1, 0, -1, -1}, {0, 1, 1, 1}, {-1, -1, -1, -1}};
    const double losses[] = {(2 + 0 + 1 + 1) / 4.0, (0 + 2 + 1 + 1) / 4.0, 0}, correct[] = {1, 3, 1};
    for (const HingeSide side : kSides) {
      Case c = case_of(backend, scores, side);
      GuardedTensor dscores({4, 1}, backend);
      c.run(&dscores);
      const auto i = static_cast<size_t>(side);
      std::vector<Bounded> want;
      for (const double d : derivatives[i]) want.push_back({kWeight * d / 4, kWeight / 4});
      check_close(c.name(), "dscores", dscores, want);
      check_exact(c.name(), "loss", c.loss, {losses[i]});
      check_exact(c.name(), "correct", c.correct, {correct[i]});
    }
  }
}

// As many as take several launches on a GPU, with and without gradients.
TEST_CASE("hinge: many batches at once give what they give one by one") {
  for (const Backend& backend : activation_backends()) {
    const auto ctx = backend.context();
    hinge(*ctx, {});
    std::vector<Case> alone, together;
    std::vector<GuardedTensor> dalone, dtogether;
    for (int64_t i = 0; i < 70; ++i) {
      const Shape shape{1 + (i * 37) % 300, 1};
      for (std::vector<Case>* cases : {&alone, &together})
        cases->push_back(random_case(backend, shape, kSides[i % 3]));
      for (std::vector<GuardedTensor>* gradients : {&dalone, &dtogether})
        gradients->emplace_back(shape, backend);
    }
    std::vector<Hinge> batches;
    for (size_t i = 0; i < alone.size(); ++i) {
      const double weight = 0.1 + static_cast<double>(i);
      const Hinge one = alone[i].batch(i % 4 == 0 ? nullptr : &dalone[i], weight);
      hinge(*ctx, {&one, 1});
      batches.push_back(together[i].batch(i % 4 == 0 ? nullptr : &dtogether[i], weight));
    }
    hinge(*ctx, batches);
    for (size_t i = 0; i < alone.size(); ++i) {
      CAPTURE(i);
      CHECK(together[i].loss.same_bits(alone[i].loss));
      CHECK(together[i].correct.same_bits(alone[i].correct));
      CHECK(dtogether[i].same_bits(dalone[i]));
    }
  }
}

namespace {

// As a patch discriminator gives them. What a left-out score holds must not count.
const Shape kPatches[] = {{1, 1, 1, 1}, {1, 2, 3, 1}, {3, 5, 7, 1}, {2, 16, 17, 1}};

struct PatchCase {
  const Backend& backend;
  Shape shape;
  HingeSide side;
  GuardedTensor weights = {shape, backend, [](int64_t i) { return i % 3 == 0 || i % 11 > 6 ? 1.0 : 0.0; }};
  GuardedTensor scores = random_tensor(shape, backend, kSeed, 0, 0.2, 2);
  GuardedTensor dscores{shape, backend};
  GuardedTensor loss{{1}, backend.of(DType::kF64)}, correct{{1}, backend.of(DType::kF64)};

  Label name() const {
    return {fmt::format("hinge of patches, side {}", static_cast<int>(side)), backend, to_string(shape)};
  }
  Hinge batch() const { return {scores, side, kWeight, loss, correct, dscores, weights}; }
  void run(const Context& ctx) const {
    const Hinge one = batch();
    hinge(ctx, {&one, 1});
  }
};

}  // namespace

TEST_CASE("hinge: with weights, the scores that have one make the mean") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kPatches)
      for (const HingeSide side : kSides) {
        PatchCase c{backend, shape, side};
        double n = 0;
        for (int64_t i = 0; i < shape.elements(); ++i) {
          n += c.weights[i];
          if (c.weights[i] == 0) c.scores.set(i, i % 2 == 0 ? NAN : INFINITY);
        }
        c.run(*backend.context());
        double sum = 0, size = 0, correct = 0;
        std::vector<Bounded> want;
        for (int64_t i = 0; i < shape.elements(); ++i) {
          const double x = c.scores[i];
          if (c.weights[i] == 0) {
            want.push_back(0);
            continue;
          }
          sum += loss_of(x, side) / n;
          size += (1 + std::abs(x)) / n;
          correct += (x > 0) == (side != HingeSide::kFake);
          want.push_back({kWeight * derivative_of(x, side) / n, kWeight / n});
        }
        check_close(c.name(), "loss", c.loss, {Bounded(sum, size)});
        check_close(c.name(), "dscores", c.dscores, want);
        check_exact(c.name(), "correct", c.correct, {correct});
        check_guards(c.name(), "weights", c.weights);

        const PatchCase without{backend, shape, side};
        Hinge batch = c.batch();
        batch.loss = without.loss;
        batch.dscores = {};
        hinge(*backend.context(), {&batch, 1});
        CHECK_MESSAGE(without.loss.same_bits(c.loss), describe(c.name(), "loss without dscores"));
      }
}

TEST_CASE("hinge: where no score has a weight, there is no loss and no gradient") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kPatches)
      for (const HingeSide side : kSides) {
        PatchCase c{backend, shape, side};
        for (int64_t i = 0; i < shape.elements(); ++i) c.weights.set(i, 0);
        c.run(*backend.context());
        check_exact(c.name(), "loss", c.loss, {0});
        check_exact(c.name(), "correct", c.correct, {0});
        check_exact(c.name(), "dscores", c.dscores,
                    std::vector<double>(static_cast<size_t>(shape.elements()), 0.0));
      }
}

TEST_CASE("hinge: weights of 1 give the bits of no weights, in one call with others") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kPatches) {
      PatchCase ones{backend, shape, HingeSide::kReal}, none{backend, shape, HingeSide::kReal},
          some{backend, shape, HingeSide::kReal}, some_alone{backend, shape, HingeSide::kReal};
      for (int64_t i = 0; i < shape.elements(); ++i) ones.weights.set(i, 1);
      const auto ctx = backend.context();
      Hinge batches[] = {some.batch(), none.batch(), ones.batch()};
      batches[1].weights = {};
      hinge(*ctx, batches);
      some_alone.run(*ctx);
      const auto check = [&](const PatchCase& a, const PatchCase& b) {
        CHECK_MESSAGE(a.loss.same_bits(b.loss), describe(a.name(), "loss"));
        CHECK_MESSAGE(a.correct.same_bits(b.correct), describe(a.name(), "correct"));
        CHECK_MESSAGE(a.dscores.same_bits(b.dscores), describe(a.name(), "dscores"));
      };
      check(ones, none);
      check(some, some_alone);
    }
}

TEST_CASE("hinge: same bits for any number of threads") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes) {
      const Case c = random_case(backend, shape, HingeSide::kReal);
      check_same_bits(c.name(), [&](Context& ctx) {
        GuardedTensor loss({1}, backend.of(DType::kF64)), correct({1}, backend.of(DType::kF64)),
            dscores(shape, backend);
        const Hinge batch = {c.scores, c.side, kWeight, loss, correct, dscores};
        hinge(ctx, {&batch, 1});
        return outputs(loss, correct, dscores);
      });
    }
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kPatches) {
      const Label label = PatchCase{backend, shape, HingeSide::kFake}.name();
      check_same_bits(label, [&](Context& ctx) {
        PatchCase c{backend, shape, HingeSide::kFake};
        c.run(ctx);
        return outputs(c.loss, c.correct, c.dscores);
      });
    }
}

TEST_CASE("hinge: wrong tensors are refused") {
  const Backend backend = backends().front();
  const auto ctx = backend.context();
  const Case c = random_case(backend, {4, 1}, HingeSide::kReal);
  const GuardedTensor wide({4, 2}, DType::kF32), empty({0, 1}, DType::kF32), f32({1}, DType::kF32),
      wrong_type({4, 1}, DType::kF64);
  const auto run = [&](const Tensor& scores, const Tensor& loss, const Tensor& correct,
                       const Tensor& dscores) {
    const Hinge batch = {scores, HingeSide::kReal, 1, loss, correct, dscores};
    hinge(*ctx, {&batch, 1});
  };
  check_refused("hinge", "scores", [&] { run(wide, c.loss, c.correct, {}); });
  check_refused("hinge", "scores", [&] { run(empty, c.loss, c.correct, {}); });
  check_refused("hinge", "loss", [&] { run(c.scores, f32, c.correct, {}); });
  check_refused("hinge", "correct", [&] { run(c.scores, c.loss, f32, {}); });
  check_refused("hinge", "dscores", [&] { run(c.scores, c.loss, c.correct, wrong_type); });
  const PatchCase patches{backend, {1, 2, 2, 1}, HingeSide::kReal};
  for (const GuardedTensor* wrong : {&c.scores, &wrong_type}) {
    Hinge batch = patches.batch();
    batch.weights = *wrong;
    check_refused("hinge", "weights", [&] { hinge(*ctx, {&batch, 1}); });
  }
}
