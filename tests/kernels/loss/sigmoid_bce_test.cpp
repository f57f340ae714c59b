#include "kernels/loss/sigmoid_bce.h"

#include "tests/harness/derivative.h"
#include "tests/harness/op_check.h"
#include "tests/harness/reference.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

constexpr double kWeight = 0.3;
const Shape kShapes[] = {{1, 1}, {2, 1}, {5, 1}, {64, 1}, {1000, 1}};

struct Case {
  const Backend& backend;
  GuardedTensor logits;
  double label;
  GuardedTensor loss{{1}, backend.of(DType::kF64)}, correct{{1}, backend.of(DType::kF64)};

  Label name() const {
    return {fmt::format("sigmoid_bce, label {}", label), backend, fmt::format("[{}, 1]", logits.elements())};
  }
  void run(const GuardedTensor* dlogits) {
    const SigmoidBce batch = {logits, label, kWeight, loss, correct, dlogits ? Tensor(*dlogits) : Tensor{}};
    sigmoid_bce(*backend.context(), {&batch, 1});
  }
};

Case random_case(const Backend& backend, const Shape& shape, double label) {
  return {backend, random_tensor(shape, backend, kSeed, 0, 0.2, 2), label};
}

Case case_of(const Backend& backend, const std::vector<double>& logits, double label) {
  const auto n = static_cast<int64_t>(logits.size());
  return {backend, GuardedTensor({n, 1}, backend, [&](int64_t i) { return logits[static_cast<size_t>(i)]; }),
          label};
}

}  // namespace

TEST_CASE("sigmoid_bce: loss, gradient and accuracy match the definition") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes)
      for (const double label : {0.0, 1.0}) {
        Case c = random_case(backend, shape, label);
        GuardedTensor dlogits(shape, backend);
        c.run(&dlogits);
        check_close(c.name(), "loss", c.loss, {reference::sigmoid_bce(c.logits.values<Bounded>(), label)});
        const auto by_logits = complex_step(c.logits.values(), [&](const auto& x) {
          return Complex(kWeight) * reference::sigmoid_bce(x, label);
        });
        // The terms are the sigmoid and the label, both at most 1.
        const long double magnitude = 2 * kWeight / static_cast<double>(shape[0]);
        std::vector<Bounded> want;
        for (const long double d : by_logits) want.push_back({d, magnitude});
        check_close(c.name(), "dlogits", dlogits, want);
        double correct = 0;
        for (const double x : c.logits.values()) correct += (x > 0) == (label == 1);
        check_exact(c.name(), "correct", c.correct, {correct});

        const double with_gradient = c.loss[0];
        c.run(nullptr);
        CHECK_MESSAGE(c.loss[0] == with_gradient, describe(c.name(), "loss without dlogits"));
      }
}

TEST_CASE("sigmoid_bce: logits far out neither overflow nor vanish") {
  for (const Backend& backend : activation_backends())
    for (const double label : {0.0, 1.0}) {
      const std::vector<double> logits = {-1e30, -1e4, -100, 100, 1e4, 1e30};
      for (const double x : logits) {
        Case c = case_of(backend, {x}, label);
        GuardedTensor dlogits({1, 1}, backend);
        c.run(&dlogits);
        const double rounded = c.logits[0];  // x in the backend's type
        const bool right = (x > 0) == (label == 1);
        // On the wrong side the loss is |x|; on the right side exp(-|x|), to first order.
        check_close(c.name(), "loss", c.loss, {right ? std::exp(-std::abs(rounded)) : std::abs(rounded)});
        check_close(c.name(), "dlogits", dlogits,
                    {right ? Bounded(kWeight * (x > 0 ? 1.0 - label : 0.0), kWeight)
                           : Bounded(x > 0 ? kWeight : -kWeight)});
      }
    }
}

TEST_CASE("sigmoid_bce: a sigmoid of one half counts as a 0") {
  for (const Backend& backend : activation_backends()) {
    for (const double label : {0.0, 1.0}) {
      Case c = case_of(backend, {0.0, -0.0, 1e-3, -1e-3}, label);
      c.run(nullptr);
      check_exact(c.name(), "correct", c.correct, {label == 1 ? 1.0 : 3.0});
    }
  }
}

// As many as take several launches on a GPU, with and without gradients.
TEST_CASE("sigmoid_bce: many batches at once give what they give one by one") {
  for (const Backend& backend : activation_backends()) {
    const auto ctx = backend.context();
    sigmoid_bce(*ctx, {});
    std::vector<Case> alone, together;
    std::vector<GuardedTensor> dalone, dtogether;
    for (int64_t i = 0; i < 70; ++i) {
      const Shape shape{1 + (i * 37) % 300, 1};
      for (std::vector<Case>* cases : {&alone, &together})
        cases->push_back(random_case(backend, shape, static_cast<double>(i % 2)));
      for (std::vector<GuardedTensor>* gradients : {&dalone, &dtogether})
        gradients->emplace_back(shape, backend);
    }
    std::vector<SigmoidBce> batches;
    for (size_t i = 0; i < alone.size(); ++i) {
      const auto batch = [&](const Case& c, const GuardedTensor& d) {
        return SigmoidBce{c.logits, c.label,   0.1 + static_cast<double>(i),
                          c.loss,   c.correct, i % 3 == 0 ? Tensor{} : Tensor(d)};
      };
      const SigmoidBce one = batch(alone[i], dalone[i]);
      sigmoid_bce(*ctx, {&one, 1});
      batches.push_back(batch(together[i], dtogether[i]));
    }
    sigmoid_bce(*ctx, batches);
    for (size_t i = 0; i < alone.size(); ++i) {
      CAPTURE(i);
      CHECK(together[i].loss.same_bits(alone[i].loss));
      CHECK(together[i].correct.same_bits(alone[i].correct));
      CHECK(dtogether[i].same_bits(dalone[i]));
    }
  }
}

TEST_CASE("sigmoid_bce: same bits for any number of threads") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes) {
      const Case c = random_case(backend, shape, 1);
      check_same_bits(c.name(), [&](Context& ctx) {
        GuardedTensor loss({1}, backend.of(DType::kF64)), correct({1}, backend.of(DType::kF64)),
            dlogits(shape, backend);
        const SigmoidBce batch = {c.logits, 1, kWeight, loss, correct, dlogits};
        sigmoid_bce(ctx, {&batch, 1});
        return outputs(loss, correct, dlogits);
      });
    }
}

TEST_CASE("sigmoid_bce: wrong tensors and labels are refused") {
  const Backend backend = backends().front();
  const auto ctx = backend.context();
  const Case c = random_case(backend, {4, 1}, 1);
  const GuardedTensor wide({4, 2}, DType::kF32), empty({0, 1}, DType::kF32), f32({1}, DType::kF32),
      wrong_type({4, 1}, DType::kF64);
  const auto run = [&](const Tensor& logits, const Tensor& loss, const Tensor& correct, const Tensor& dlogits,
                       double label = 1) {
    const SigmoidBce batch = {logits, label, 1, loss, correct, dlogits};
    sigmoid_bce(*ctx, {&batch, 1});
  };
  check_refused("sigmoid_bce", "logits", [&] { run(wide, c.loss, c.correct, {}); });
  check_refused("sigmoid_bce", "logits", [&] { run(empty, c.loss, c.correct, {}); });
  check_refused("sigmoid_bce", "loss", [&] { run(c.logits, f32, c.correct, {}); });
  check_refused("sigmoid_bce", "correct", [&] { run(c.logits, c.loss, f32, {}); });
  check_refused("sigmoid_bce", "dlogits", [&] { run(c.logits, c.loss, c.correct, wrong_type); });
  CHECK_THROWS_AS(run(c.logits, c.loss, c.correct, {}, 0.9), Error);
}
