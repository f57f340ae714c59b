#include "train/step/gan_step.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/train/step/tiny_training.h"

using namespace inpaint;

namespace {

std::vector<uint8_t> state_after(TinyTraining training, int steps) {
  for (int i = 0; i < steps; ++i) {
    training.load(static_cast<uint64_t>(8 * i));
    training.step.train();
  }
  return training.state();
}

}  // namespace

TEST_CASE("training step: a tiny network learns eight pictures by heart") {
  StepOptions options;
  options.learning_rate = 0.002;
  TinyTraining training(options);
  training.load(0, HolePlacement::kCenter);
  const double before = training.train().rec_loss;
  double after = before;
  int steps = 1;
  for (; steps < 400 && after >= 0.01; ++steps) after = training.train().rec_loss;
  INFO("rec_loss " << before << " -> " << after << " in " << steps << " steps");
  CHECK(before > 0.1);
  CHECK(after < 0.01);
}

TEST_CASE("training step: doing repeated work once gives the same bits") {
  for (const int disc_iter : {0, 1, 2}) {
    StepOptions plain;
    plain.disc_iter = disc_iter;
    plain.gene_iter = 3;
    plain.reuse = false;
    StepOptions reusing = plain;
    reusing.reuse = true;
    CHECK(state_after(TinyTraining(plain), 3) == state_after(TinyTraining(reusing), 3));
    CHECK(TinyTraining(reusing).step.product_flop() < TinyTraining(plain).step.product_flop());
  }
}

TEST_CASE("training step: the same bits for any number of threads, and twice") {
  const StepOptions options;
  const auto one = state_after(TinyTraining(options, 1), 3);
  for (const int threads : {1, 2, 3, 8}) CHECK(state_after(TinyTraining(options, threads), 3) == one);
}

TEST_CASE("training step: watching changes nothing") {
  for (const Statistics statistics : {Statistics::kBatch, Statistics::kRunning}) {
    TinyTraining watched(StepOptions{}), plain(StepOptions{});
    for (int i = 0; i < 3; ++i) {
      for (TinyTraining* t : {&watched, &plain}) t->load(static_cast<uint64_t>(8 * i));
      watched.step.watch(statistics, watched.batch);
      const Losses a = watched.train(), b = plain.train();
      watched.step.watch(statistics, watched.batch);
      CHECK(a.rec_loss == b.rec_loss);
    }
    CHECK(watched.state() == plain.state());
  }
}

TEST_CASE("training step: the losses of a batch's first pictures do not depend on the others") {
  TinyTraining t(StepOptions{});
  t.load(0);
  t.train();
  const int64_t first = 5, others = (t.batch - first) * 16 * 16 * 3;
  t.load(8);
  const Losses whole = t.step.watch(Statistics::kRunning, t.batch),
               part = t.step.watch(Statistics::kRunning, first);
  std::fill_n(t.pictures.end() - others, others, uint8_t{7});
  t.load(8);
  const Losses whole_now = t.step.watch(Statistics::kRunning, t.batch),
               part_now = t.step.watch(Statistics::kRunning, first);
  CHECK(whole_now.rec_loss != whole.rec_loss);
  for (double Losses::*loss : {&Losses::rec_loss, &Losses::adv_gene_loss, &Losses::tv_loss,
                               &Losses::adv_disc_loss, &Losses::disc_acc})
    CHECK(part_now.*loss == part.*loss);
  // The whole is the mean of its parts.
  double sum = 0;
  for (int64_t n = 0; n < t.batch; ++n) {
    std::rotate(t.pictures.begin(), t.pictures.begin() + n * 16 * 16 * 3, t.pictures.end());
    t.load(8 + static_cast<uint64_t>(n));
    sum += t.step.watch(Statistics::kRunning, 1).rec_loss;
    std::rotate(t.pictures.begin(), t.pictures.end() - n * 16 * 16 * 3, t.pictures.end());
  }
  CHECK(sum / static_cast<double>(t.batch) == doctest::Approx(whole_now.rec_loss).epsilon(1e-6));
}

TEST_CASE("training step: a watch with batch statistics sees the losses the next update will print") {
  StepOptions options;
  options.disc_iter = 0;
  options.gene_iter = 1;
  TinyTraining training(options, 2, DType::kF64);
  training.load(0);
  const Losses seen = training.step.watch(Statistics::kBatch, training.batch), printed = training.train();
  CHECK(seen.rec_loss == printed.rec_loss);
  CHECK(seen.adv_gene_loss == printed.adv_gene_loss);
  CHECK(seen.tv_loss == printed.tv_loss);
  CHECK(seen.gene_loss_ori == printed.gene_loss_ori);
  CHECK(seen.adv_disc_loss == printed.adv_disc_loss);
  CHECK(seen.disc_acc == printed.disc_acc);
  CHECK(seen.gene_loss_ori ==
        doctest::Approx(0.001 * seen.adv_gene_loss + 0.999 * seen.rec_loss + 1e-6 * seen.tv_loss)
            .epsilon(1e-14));
}

TEST_CASE("training step: each update moves its own network, and as often as told") {
  StepOptions options;
  options.disc_iter = 2;
  options.gene_iter = 0;
  TinyTraining training(options);
  const auto values = [](const Parameters& p) {
    return std::vector<float>(p.values().as<float>(), p.values().as<float>() + p.values().elements());
  };
  const auto generator = values(training.model.generator_params);
  const auto discriminator = values(training.model.discriminator_params);
  training.load(0);
  training.step.train();
  CHECK(values(training.model.generator_params) == generator);
  CHECK(values(training.model.discriminator_params) != discriminator);
  CHECK(training.step.discriminator()->updates == 2);
  CHECK(training.step.generator().updates == 0);

  options = {};
  options.disc_iter = 0;
  TinyTraining other(options);
  other.load(0);
  other.step.train();
  CHECK(values(other.model.discriminator_params) == discriminator);
  CHECK(values(other.model.generator_params) != generator);
  CHECK(other.step.generator().updates == 5);
}

TEST_CASE("training step: the clipped rule bounds gradients and slows the discriminator") {
  // With gradients far beyond the bound, Adam's first step of a clipped element is lr_t 10 (1 - beta1) /
  // (sqrt(1 - beta2) 10) = lr exactly (up to epsilon): every clipped weight moves by the learning rate.
  StepOptions options;
  options.weight_clip = true;
  options.disc_iter = 1;
  options.gene_iter = 1;
  options.lamb_rec = 1e9;
  TinyTraining training(options, 2, DType::kF64);
  CHECK(training.step.discriminator()->learning_rate() == doctest::Approx(0.00002));
  CHECK(training.step.generator().learning_rate() == 0.0002);
  training.load(0);
  training.step.train();
  const Tensor m = training.model.generator_params.moments1(), v = training.model.generator_params.moments2();
  double largest = 0;
  for (int64_t i = 0; i < m.elements(); ++i) {
    largest = std::max(largest, std::abs(m.as<double>()[i]));
    REQUIRE(v.as<double>()[i] <= 0.001 * 100 * (1 + 1e-12));  // (1 - 0.999) 10^2
  }
  CHECK(largest == doctest::Approx(5.0).epsilon(1e-12));  // (1 - 0.5) 10
}

TEST_CASE("training step: weight decay pulls weights and nothing else") {
  // Without losses the gradient is the decay's alone.
  StepOptions options;
  options.lamb_rec = options.lamb_adv = options.lamb_tv = 0;
  options.disc_iter = 0;
  options.gene_iter = 1;
  TinyTraining training(options, 2, DType::kF64);
  const Parameters& params = training.model.generator_params;
  const auto weights = params.spec().elements(ParameterId::Kind::kWeight);
  const std::vector<double> before(params.values().as<double>(),
                                   params.values().as<double>() + params.values().elements());
  training.load(0);
  training.step.train();
  const double rate = 1e-5 / static_cast<double>(params.spec().list(ParameterId::Kind::kWeight).size());
  double half_squares = 0;
  for (int64_t i = 0; i < params.values().elements(); ++i) {
    const double w = before[static_cast<size_t>(i)];
    const double expected = i < weights ? 0.5 * rate * w : 0.0;  // (1 - beta1) g
    REQUIRE(params.moments1().as<double>()[i] == doctest::Approx(expected).epsilon(1e-10));
    if (i < weights) half_squares += w * w / 2;
  }
  CHECK(training.step.generator().decay_loss() == doctest::Approx(rate * half_squares).epsilon(1e-12));
}
