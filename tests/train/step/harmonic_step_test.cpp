#include "train/step/harmonic_step.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "tests/harness/error_message.h"
#include "tests/train/step/harmonic_training.h"

using namespace inpaint;

namespace {

using Training = HarmonicTraining;
constexpr int64_t kBatch = Training::kBatch, kSide = Training::kSide, kChannels = Training::kChannels;

// The loss of the painted pictures, from its formula.
double loss_of(const Training& t, const std::vector<double>& painted) {
  double loss = 0;
  for (int64_t n = 0; n < kBatch; ++n) {
    double absolute = 0, squares = 0, count = 0;
    for (int64_t i = n * kSide * kSide; i < (n + 1) * kSide * kSide; ++i)
      for (int64_t c = 0; c < kChannels && t.masks[i] != 0; ++c) {
        const double d = painted[i * kChannels + c] - (t.pictures[i * kChannels + c] - 127.5) / 127.5;
        absolute += std::abs(d);
        squares += d * d;
        ++count;
      }
    loss += (absolute / count + std::sqrt(squares / count + 1e-4)) / kBatch;
  }
  return loss;
}

}  // namespace

TEST_CASE("harmonic step: it starts at the harmonic fill, and its loss is the formula's") {
  Training t({}, 2, DType::kF64);
  const Losses before = t.watch(0);
  CHECK_FALSE(before.is_adversarial);
  CHECK(before.rec_loss == doctest::Approx(loss_of(t, t.painted())).epsilon(1e-9));
  const Buffer memory(kBatch * kSide * kSide * kChannels * 8);
  const Tensor harmonic = memory.tensor({kBatch, kSide, kSide, kChannels}, DType::kF64);
  REQUIRE(t.step.write_harmonic(harmonic));
  const std::vector<double> painted = t.painted();
  CHECK(std::equal(painted.begin(), painted.end(), harmonic.as<double>()));
}

TEST_CASE("harmonic step: known pixels stay, and training paints better than the fill it starts from") {
  StepOptions options;
  options.learning_rate = 0.003;
  options.warm_up = 5;
  options.average_decay = 0.9;
  Training t(options);
  const double before = t.watch(1000).rec_loss;
  for (int i = 0; i < 200; ++i) {
    const Losses losses = t.train(static_cast<uint64_t>(kBatch * i), i / 200.0);
    REQUIRE(t.step.is_finite(losses));
  }
  const double after = t.watch(1000).rec_loss;
  INFO("rec_loss " << before << " before, " << after << " after");
  CHECK(after < 0.8 * before);
  const std::vector<double> painted = t.painted();
  for (size_t i = 0; i < t.masks.size(); ++i)
    for (size_t c = 0; c < kChannels && t.masks[i] == 0; ++c) {
      const float byte = t.pictures[i * kChannels + c];
      REQUIRE(painted[i * kChannels + c] == static_cast<double>((byte - 127.5f) / 127.5f));
    }
}

TEST_CASE("harmonic step: watching changes nothing, and the moving average is what kRunning paints with") {
  StepOptions options;
  options.average_decay = 0.95;
  Training t(options, 2, DType::kF64);
  for (int i = 0; i < 3; ++i) t.train(static_cast<uint64_t>(kBatch * i));
  const std::vector<uint8_t> before = t.state();
  const double running = t.watch(0).rec_loss, raw = t.watch(0, Statistics::kBatch).rec_loss;
  CHECK(running != raw);
  CHECK(t.state() == before);
  CHECK(t.step.is_state_finite());

  // e <- e + (1 - a) (w - e) with a = min(0.95, (1 + t) / (10 + t)), here for update number 3.
  const Tensor values = t.model.generator_params.values(), averages = t.model.generator_averages->values();
  const std::vector<double> old(averages.as<double>(), averages.as<double>() + averages.elements());
  t.train(12);
  const double rate = 1 - std::min(0.95, 4.0 / 13.0);
  for (int64_t i = 0; i < values.elements(); ++i)
    REQUIRE(averages.as<double>()[i] ==
            doctest::Approx(old[i] + rate * (values.as<double>()[i] - old[i])).epsilon(1e-12));
}

TEST_CASE("harmonic step: the learning rate warms up, and falls with the run") {
  StepOptions options;
  options.learning_rate = 0.1;
  options.warm_up = 2;
  options.last_rate = 0.25;
  Training t(options);
  t.train(0, 0);
  CHECK(t.step.generator().learning_rate() == doctest::Approx(0.05));
  t.train(4, 0);
  CHECK(t.step.generator().learning_rate() == doctest::Approx(0.1));
  t.train(8, 0.5);
  CHECK(t.step.generator().learning_rate() == doctest::Approx(0.0625));
  t.train(12, 1);
  CHECK(t.step.generator().learning_rate() == doctest::Approx(0.025));
}

TEST_CASE("harmonic step: the scheduled rate is what moves the parameters") {
  const auto moved = [](double progress) {
    StepOptions options;
    options.warm_up = 0;
    options.last_rate = 1e-3;
    Training t(options, 2, DType::kF64);
    const Tensor values = t.model.generator_params.values();
    const std::vector<double> before(values.as<double>(), values.as<double>() + values.elements());
    t.train(0, progress);
    double most = 0;
    for (size_t i = 0; i < before.size(); ++i)
      most = std::max(most, std::abs(values.as<double>()[i] - before[i]));
    return most;
  };
  CHECK(moved(1) == doctest::Approx(1e-3 * moved(0)).epsilon(1e-6));
}

TEST_CASE("harmonic step: every batch is filled anew") {
  Training t({});
  for (const uint64_t first : {0, 100}) {
    t.train(first);
    const double loss = t.watch(first).rec_loss;
    const std::vector<double> painted = t.painted();
    CHECK(loss == doctest::Approx(loss_of(t, painted)).epsilon(1e-5));
    for (size_t i = 0; i < t.masks.size(); ++i)
      for (size_t c = 0; c < kChannels && t.masks[i] == 0; ++c) {
        const float byte = t.pictures[i * kChannels + c];
        REQUIRE(painted[i * kChannels + c] == static_cast<double>((byte - 127.5f) / 127.5f));
      }
  }
}

TEST_CASE("harmonic step: it does not train on fewer pictures than a step's") {
  Training t({.micro_batches = 2});
  t.step.load(t.batch(0));
  CHECK(contains(error_message<Error>([&] { t.step.train(0); }), "8 pictures to train on, 4 loaded"));
}

TEST_CASE("harmonic step: a clip's running mean is a part of the state") {
  StepOptions options;
  Training whole(options), parted(options);
  CHECK(whole.step.generator().clip_mean() == 0);
  for (Training* t : {&whole, &parted})
    for (int i = 0; i < 2; ++i) t->train(static_cast<uint64_t>(kBatch * i));
  const double mean = whole.step.generator().clip_mean();
  CHECK(mean > 0);
  parted.step.generator().set_clip_mean(0);
  parted.step.generator().set_clip_mean(mean);
  CHECK(parted.step.generator().clip_mean() == mean);
  for (Training* t : {&whole, &parted}) t->train(8);
  CHECK(whole.state() == parted.state());
  CHECK(whole.step.generator().clip_mean() != mean);

  // A mean far below the norm: the gradient is scaled, and Adam's moments see it.
  Training clipped(options);
  for (int i = 0; i < 2; ++i) clipped.train(static_cast<uint64_t>(kBatch * i));
  clipped.step.generator().set_clip_mean(mean / 100);
  clipped.train(8);
  CHECK(clipped.state() != whole.state());
}

TEST_CASE("harmonic step: the same bits for any number of threads") {
  const auto trained = [](int threads, DType dtype) {
    Training t({}, threads, dtype);
    for (int i = 0; i < 3; ++i) t.train(static_cast<uint64_t>(kBatch * i));
    return t.state();
  };
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const std::vector<uint8_t> one = trained(1, dtype);
    for (const int threads : {2, 3}) CHECK(trained(threads, dtype) == one);
  }
}

TEST_CASE("harmonic step: a model for inference paints the same, in less memory") {
  Training t({});
  for (int i = 0; i < 2; ++i) t.train(static_cast<uint64_t>(kBatch * i));
  Model slim(Training::model_options(false), DType::kF32, Parameters::Use::kInference);
  std::memcpy(slim.generator_averages->values().data, t.model.generator_averages->values().data,
              static_cast<size_t>(slim.generator_averages->values().bytes()));
  HarmonicStep step(t.ctx, slim, kBatch, {});
  step.load(t.batch(0));
  CHECK(step.watch(Statistics::kRunning, kBatch).rec_loss == t.watch(0).rec_loss);
  CHECK(step.bytes() < t.step.bytes() / 2);
}

TEST_CASE("harmonic step: the losses of a batch's first pictures do not depend on the others") {
  Training t({});
  for (int i = 0; i < 2; ++i) t.train(static_cast<uint64_t>(kBatch * i));
  const double whole = t.watch(100).rec_loss, part = t.watch(100, Statistics::kRunning, 1).rec_loss;
  const size_t picture = t.pictures.size() / kBatch;
  std::fill(t.pictures.begin() + static_cast<std::ptrdiff_t>(picture), t.pictures.end(), uint8_t{7});
  CHECK(t.watch(100).rec_loss != whole);
  CHECK(t.watch(100, Statistics::kRunning, 1).rec_loss == part);
}

TEST_CASE("harmonic step: plan and step agree") {
  Training t({});
  const StepPlan plan = HarmonicStep::plan(t.model.generator, t.model.discriminator, DType::kF32, kBatch, 1);
  CHECK(plan.product_flop == t.step.product_flop());
  CHECK(plan.bytes <= t.step.bytes());
  CHECK(plan.bytes + 4096 >= t.step.bytes());
}

TEST_CASE("GPU: harmonic steps agree with the CPU's, recorded" * doctest::skip(Context::gpu_count() == 0)) {
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    Training cpu({}, 1, dtype), gpu(
                                    {}, [] { return Context(Gpu{}, 1); }, dtype);
    const double tolerance = dtype == DType::kF32 ? 2e-3 : 3e-2;
    for (int i = 0; i < 4; ++i) {
      const double want = cpu.train(static_cast<uint64_t>(kBatch * i)).rec_loss,
                   got = gpu.train(static_cast<uint64_t>(kBatch * i)).rec_loss;
      INFO("step " << i << ": CPU " << want << ", GPU " << got);
      CHECK(std::abs(got - want) <= tolerance * want);
    }
    const double want = cpu.watch(0).rec_loss, got = gpu.watch(0).rec_loss;
    CHECK(std::abs(got - want) <= tolerance * want);
  }
}

// The host's rates must not change before the GPU has taken them: the warm-up makes each another one.
TEST_CASE("GPU: harmonic steps enqueued one behind the other have rates of their own" *
          doctest::skip(Context::gpu_count() == 0)) {
  const auto open = [] { return Context(Gpu{}, 1); };
  Training waited_for({}, open, DType::kF32), enqueued({}, open, DType::kF32);
  for (uint64_t first = 0; first < 4 * kBatch; first += kBatch) {
    waited_for.train(first);  // its losses are looked at
    enqueued.step.load(enqueued.batch(first));
    enqueued.step.train(0);
  }
  CHECK(enqueued.state() == waited_for.state());
}
