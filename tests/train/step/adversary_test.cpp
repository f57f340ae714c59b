// The adversarial phase of a whole-picture model.
#include "train/step/adversary.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "core/device/copy.h"
#include "kernels/loss/hole_patches.h"
#include "tests/harness/orders.h"
#include "tests/train/step/harmonic_training.h"

using namespace inpaint;

namespace {

using Training = HarmonicTraining;
constexpr int64_t kBatch = Training::kBatch, kChannels = Training::kChannels;

StepOptions textured(double rho, double share = 1) {
  StepOptions options;
  options.texture = rho;
  options.texture_share = share;
  options.warm_up = 0;
  return options;
}

std::vector<double> values_of(const Training& t, const Tensor& tensor) {
  const HostCopy host(t.ctx, tensor);
  std::vector<double> values;
  visit_real(tensor.dtype,
             [&]<typename T>(T) { values.assign(host->as<T>(), host->as<T>() + host->elements()); });
  return values;
}
std::vector<double> painter(const Training& t) { return values_of(t, t.model.generator_params.values()); }
std::vector<double> judge(const Training& t) { return values_of(t, t.model.discriminator_params.values()); }

double share_of(const GradientFigures& figures, std::string_view term) {
  for (const LossShare& share : figures.loss_shares)
    if (share.term == term) return share.share;
  return -1;
}

// s of the step whose losses these are.
double scale_of(const Losses& l) { return (l.gene_loss_ori - l.rec_loss) / l.adv_gene_loss; }

void train_some(Training& t, int steps, double progress = 1) {
  for (int i = 0; i < steps; ++i) t.train(static_cast<uint64_t>(kBatch * i), progress);
}

}  // namespace

TEST_CASE("adversary: the phase is the last share of the run, and each phase has a cosine of its own") {
  StepOptions options = textured(0.5, 0.25);
  options.learning_rate = 0.1;
  options.last_rate = 0.5;
  Training t(options, 2, DType::kF64), without(
                                           [&] {
                                             StepOptions plain = options;
                                             plain.texture = 0;
                                             return plain;
                                           }(),
                                           2, DType::kF64);
  const std::vector<double> begin = judge(t);
  const auto rate = [&] { return t.step.generator().learning_rate(); };
  CHECK_FALSE(t.train(0, 0).is_adversarial);
  without.train(0, 0);
  CHECK(painter(t) == painter(without));
  CHECK(rate() == doctest::Approx(0.1));
  t.train(4, 0.375);
  CHECK(rate() == doctest::Approx(0.075));
  CHECK_FALSE(t.train(8, 0.7499).is_adversarial);
  CHECK(rate() == doctest::Approx(0.05).epsilon(1e-6));
  CHECK(judge(t) == begin);
  CHECK(t.step.discriminator()->updates == 0);

  CHECK(t.train(12, 0.75).is_adversarial);
  CHECK(judge(t) != begin);
  CHECK(rate() == doctest::Approx(3e-4));
  CHECK(t.step.discriminator()->learning_rate() == 6e-4);
  t.train(16, 0.875);
  CHECK(rate() == doctest::Approx(2.25e-4));
  t.train(20, 1);
  CHECK(rate() == doctest::Approx(1.5e-4));
  CHECK(t.step.discriminator()->learning_rate() == 6e-4);
  CHECK(t.step.discriminator()->updates == 3);
  CHECK(t.step.generator().updates == 6);
}

TEST_CASE("adversary: its scale is rho times the smoothed ratio of both gradients, of the steps before") {
  Training t(textured(0.25), 2, DType::kF64), stronger(textured(0.5), 2, DType::kF64);
  CHECK(t.step.adversarial_ratio() == 0);
  CHECK(scale_of(t.train(0)) == 0);
  const double first = t.step.adversarial_ratio();
  CHECK(first > 0);
  stronger.train(0);
  CHECK(stronger.step.adversarial_ratio() == first);
  CHECK(painter(stronger) == painter(t));  // nothing of the adversary is in the first step

  // The gradients of the step to come, as watch_gradients sees them: |g_l1|, |g_rms| and s |g_adv|.
  std::vector<double> shares;
  for (Training* one : {&t, &stronger}) {
    one->watch(4, Statistics::kBatch);
    one->step.watch_gradients();
    const GradientFigures figures = one->step.gradients();
    shares.push_back(share_of(figures, "adv") / share_of(figures, "l1"));
  }
  CHECK(shares[0] > 0);
  CHECK(shares[1] == doctest::Approx(2 * shares[0]).epsilon(1e-12));

  const Losses second = t.train(4);
  CHECK(scale_of(second) == doctest::Approx(0.25 * first).epsilon(1e-9));
  CHECK(scale_of(stronger.train(4)) == doctest::Approx(0.5 * first).epsilon(1e-9));
  CHECK(painter(stronger) != painter(t));
  const double after = t.step.adversarial_ratio();
  CHECK(after != first);
  CHECK(std::abs(after / first - 1) < 0.05 * 10);  // moves by a twentieth of the way
  CHECK(scale_of(t.train(8)) == doctest::Approx(0.25 * after).epsilon(1e-9));

  // The ratio is a part of the state.
  Training again(textured(0.25), 2, DType::kF64);
  again.step.set_adversarial_ratio(3);
  CHECK(scale_of(again.train(0)) == doctest::Approx(0.75).epsilon(1e-9));
}

// By a painter that stands still, and at the batch whose first ratio it is.
TEST_CASE("adversary: both gradients at the painted pixels have the strengths that rho asks for") {
  for (const double rho : {0.5, 1.0}) {
    StepOptions options = textured(rho);
    options.last_rate = 1e-12;
    Training t(options, 2, DType::kF64);
    t.train(0, 1);
    t.watch(0, Statistics::kBatch);
    t.step.watch_gradients();
    const GradientFigures figures = t.step.gradients();
    const double l1 = share_of(figures, "l1"), rms = share_of(figures, "rms"), adv = share_of(figures, "adv");
    // |g_rec| lies between these, as the two parts of the reconstruction pull nearly alike.
    INFO("l1 " << l1 << ", rms " << rms << ", adv " << adv << ", ratio " << t.step.adversarial_ratio());
    CHECK(adv / rho <= l1 + rms);
    CHECK(adv / rho >= std::sqrt(l1 * l1 + rms * rms));
  }
}

TEST_CASE("adversary: known pixels stay, and every batch is shown anew") {
  Training t(textured(1));
  train_some(t, 20);
  for (const uint64_t first : {0, 100}) {
    const Losses losses = t.watch(first);
    CHECK(losses.is_adversarial);
    const std::vector<double> painted = t.painted();
    for (size_t i = 0; i < t.masks.size(); ++i)
      for (size_t c = 0; c < kChannels && t.masks[i] == 0; ++c) {
        const float byte = t.pictures[i * kChannels + c];
        REQUIRE(painted[i * kChannels + c] == static_cast<double>((byte - 127.5f) / 127.5f));
      }
    CHECK(t.watch(first).adv_disc_loss == losses.adv_disc_loss);
  }
  CHECK(t.watch(0).adv_disc_loss != t.watch(100).adv_disc_loss);
}

TEST_CASE("adversary: the discriminator learns to tell painted patches from true ones") {
  StepOptions options = textured(0.1);
  options.last_rate = 1e-9;
  Training t(options);
  const Losses first = t.train(0, 1);
  CHECK(first.disc_acc >= 0.2);
  CHECK(first.disc_acc <= 0.8);
  Losses last;
  for (int i = 0; i < 150; ++i) last = t.train(static_cast<uint64_t>(kBatch * i), 1);
  INFO("loss " << first.adv_disc_loss << ", then " << last.adv_disc_loss << "; accuracy " << last.disc_acc);
  CHECK(last.adv_disc_loss < 0.7 * first.adv_disc_loss);
  CHECK(last.disc_acc > 0.8);
}

// One of two painters hardly hears the discriminator, and it is told apart the more easily. (Scores by
// themselves say nothing: what they all share is in no loss of D.)
TEST_CASE("adversary: the painter follows the discriminator, the more the larger rho is") {
  const auto discriminator_loss = [](double rho) {
    Training t(textured(rho), 2, DType::kF64);
    double mean = 0;
    for (int i = 0; i < 250; ++i) {
      const double loss = t.train(static_cast<uint64_t>(kBatch * i), 0).adv_disc_loss;
      if (i >= 200) mean += loss / 50;
    }
    return mean;
  };
  const double weak = discriminator_loss(1e-6), strong = discriminator_loss(2);
  INFO("loss of D " << weak << " and " << strong);
  CHECK(weak < 0.96);  // 1 is that of a D that tells nothing apart
  CHECK(1 - strong < (1 - weak) / 3);
}

// In pictures so large that some patches do not see the hole.
TEST_CASE("adversary: its losses are those of the scores, by their formulas") {
  constexpr int64_t kPictures = 3, kLarge = 64, kColumns = kLarge / 8, kScores = kColumns * kColumns;
  const auto large = [] {
    ModelOptions options = Training::model_options(true);
    options.harmonic_unet.image_size = options.patch_discriminator->image_size = kLarge;
    return options;
  };
  Context ctx(2);
  Model model(large(), DType::kF64, Parameters::Use::kTraining);
  model.initialize(ctx, 3);
  DeviceFigures figures(ctx);
  Branch beside(ctx, Urgency::kNormal);
  Adversary adversary(ctx, model, kPictures, textured(0.5), figures, beside);
  figures.allocate();
  const Shape shape{kPictures, kLarge, kLarge, kChannels};
  std::vector<uint8_t> bytes(static_cast<size_t>(shape.elements())), masks(kPictures * kLarge * kLarge);
  std::vector<double> painted(bytes.size());
  const Philox random(5, RandomStream::kShuffle);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<uint8_t>(random.bits(i)[0]);
    painted[i] = random.normal(i);
  }
  masks[3 * kLarge + 60] = 255;            // in a corner
  masks[(kLarge + 40) * kLarge + 20] = 1;  // of the second picture
  const Tensor mask{{kPictures, kLarge, kLarge}, DType::kU8, Device::kCpu, masks.data()};
  adversary.look_at({shape, DType::kU8, Device::kCpu, bytes.data()}, mask,
                    {shape, DType::kF64, Device::kCpu, painted.data()});
  adversary.watch(0, kPictures);
  figures.read_back();
  figures.wait();
  Losses seen{.rec_loss = 2};
  adversary.add_losses(kPictures, seen);

  // D over both kinds of pictures, once more and by hand.
  const Network& network = model.discriminator;
  std::vector<std::vector<double>> scores;
  std::vector<std::vector<std::vector<double>>> features;
  const auto values = [](const Tensor& t) {
    return std::vector<double>(t.as<double>(), t.as<double>() + t.elements());
  };
  for (const bool is_true : {true, false}) {
    Pass pass(ctx, network, network.in_shape(kPictures), DType::kF64, Pass::Keep::kForBackward);
    const Buffer memory(network.in_shape(kPictures).elements() * 8);
    const Tensor x = memory.tensor(network.in_shape(kPictures), DType::kF64);
    for (size_t i = 0; i < masks.size(); ++i) {
      for (size_t c = 0; c < kChannels; ++c) {
        const size_t at = i * kChannels + c;
        x.as<double>()[i * (kChannels + 1) + c] = is_true ? (bytes[at] - 127.5) / 127.5 : painted[at];
      }
      x.as<double>()[i * (kChannels + 1) + kChannels] = masks[i] != 0 ? 1 : 0;
    }
    network.forward(ctx, model.discriminator_params, x, Statistics::kBatch, pass);
    scores.push_back(values(pass.output()));
    features.emplace_back();
    for (const Value feature : patch_features(network))
      features.back().push_back(values(pass.output_of(feature)));
  }
  const PatchField field = patch_field();
  double real = 0, fake = 0, praised = 0, right_true = 0, right_painted = 0, seeing = 0;
  for (int64_t n = 0; n < kPictures; ++n) {
    double fakes = 0, praises = 0, count = 0;
    for (int64_t p = 0; p < kScores; ++p) {
      const double truth = scores[0][n * kScores + p], score = scores[1][n * kScores + p];
      real += std::max(0.0, 1 - truth) / static_cast<double>(kScores * kPictures);
      right_true += truth > 0 ? 1.0 / static_cast<double>(kScores * kPictures) : 0;
      const int64_t top = field.first + p / kColumns * 8, left = field.first + p % kColumns * 8;
      bool sees = false;
      for (int64_t y = std::max<int64_t>(0, top); y < std::min(kLarge, top + field.size); ++y)
        for (int64_t x = std::max<int64_t>(0, left); x < std::min(kLarge, left + field.size); ++x)
          sees |= masks[(n * kLarge + y) * kLarge + x] != 0;
      if (!sees) continue;
      fakes += std::max(0.0, 1 + score);
      praises -= score;
      right_painted += score <= 0 ? 1 : 0;
      ++count;
    }
    seeing += count;
    if (count == 0) continue;
    fake += fakes / count / kPictures;
    praised += praises / count / kPictures;
  }
  REQUIRE(seeing > 0);
  REQUIRE(seeing < kScores);  // nor does any patch of the third picture see one
  double matching = 0;
  for (size_t k = 0; k < features[0].size(); ++k)
    for (size_t i = 0; i < features[0][k].size(); ++i)
      matching += std::abs(features[0][k][i] - features[1][k][i]) /
                  static_cast<double>(features[0][k].size() * features[0].size());
  CHECK(matching > 0);
  CHECK(seen.is_adversarial);
  CHECK(seen.adv_disc_loss == doctest::Approx((real + fake) / 2).epsilon(1e-12));
  CHECK(seen.disc_loss_ori == seen.adv_disc_loss);
  CHECK(seen.adv_gene_loss == doctest::Approx(praised + 0.5 * matching).epsilon(1e-12));
  CHECK(seen.disc_acc == doctest::Approx((right_true + right_painted / seeing) / 2).epsilon(1e-12));
}

TEST_CASE("adversary: watching changes nothing, and sees what the next step logs of the painter") {
  Training t(textured(0.5), 2, DType::kF64);
  CHECK_FALSE(t.watch(0, Statistics::kBatch).is_adversarial);  // the phase has not begun
  train_some(t, 3);
  const std::vector<uint8_t> before = t.state();
  const double ratio = t.step.adversarial_ratio();
  const Losses seen = t.watch(12, Statistics::kBatch);
  t.step.watch_gradients();
  t.watch(12);
  CHECK(t.state() == before);
  CHECK(t.step.adversarial_ratio() == ratio);
  CHECK(t.step.is_state_finite());
  const Losses trained = t.train(12);
  CHECK(trained.rec_loss == seen.rec_loss);
  CHECK(trained.adv_disc_loss == seen.adv_disc_loss);
  CHECK(trained.disc_acc == seen.disc_acc);
  CHECK(trained.adv_gene_loss != seen.adv_gene_loss);  // D has moved in between
  CHECK(scale_of(seen) == doctest::Approx(0.5 * ratio).epsilon(1e-9));
  CHECK(scale_of(trained) == doctest::Approx(0.5 * ratio).epsilon(1e-9));
}

TEST_CASE("adversary: the losses of a batch's first pictures do not depend on the others") {
  Training t(textured(0.5));
  train_some(t, 2);
  const Losses part = t.watch(100, Statistics::kRunning, 1), whole = t.watch(100);
  const size_t picture = t.pictures.size() / kBatch;
  std::fill(t.pictures.begin() + static_cast<std::ptrdiff_t>(picture), t.pictures.end(), uint8_t{7});
  const Losses other = t.watch(100, Statistics::kRunning, 1);
  for (double Losses::*loss : {&Losses::adv_gene_loss, &Losses::adv_disc_loss, &Losses::disc_acc})
    CHECK(other.*loss == part.*loss);
  CHECK(t.watch(100).adv_disc_loss != whole.adv_disc_loss);
}

TEST_CASE("adversary: a state that is not finite is found, in the discriminator too") {
  for (const bool weight : {true, false}) {
    Training t(textured(0.5));
    CHECK(t.step.is_finite(t.train(0)));
    CHECK(t.step.is_state_finite());
    const Tensor values =
        weight ? t.model.discriminator_params.values() : t.model.discriminator_params.running();
    values.as<float>()[3] = INFINITY;
    CHECK_FALSE(t.step.is_state_finite());
    CHECK_FALSE(t.step.is_finite(t.train(4)));
  }
}

TEST_CASE("adversary: one loss that is not finite is found, the discriminator's while there is one") {
  Training t(textured(0.5));
  Losses losses = t.train(0);
  REQUIRE(t.step.is_finite(losses));
  for (double Losses::*loss : {&Losses::rec_loss, &Losses::adv_gene_loss, &Losses::adv_disc_loss})
    for (const double value : {std::nan(""), HUGE_VAL}) {
      Losses bad = losses;
      bad.*loss = value;
      CHECK_FALSE(t.step.is_finite(bad));
    }
  losses.is_adversarial = false;
  losses.adv_gene_loss = std::nan("");
  CHECK(t.step.is_finite(losses));
}

TEST_CASE("adversary: the same bits for any number of threads") {
  const auto trained = [](int threads, DType dtype) {
    Training t(textured(0.5, 0.5), threads, dtype);
    for (int i = 0; i < 6; ++i) t.train(static_cast<uint64_t>(kBatch * i), i / 6.0);
    return t.state();
  };
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const std::vector<uint8_t> one = trained(1, dtype);
    for (const int threads : {2, 3}) CHECK(trained(threads, dtype) == one);
  }
}

TEST_CASE("adversary: in bf16 the losses stay near those in fp32") {
  Training narrow(textured(0.5), 2, DType::kBF16), wide(textured(0.5));
  for (int i = 0; i < 4; ++i) {
    const Losses want = wide.train(static_cast<uint64_t>(kBatch * i)),
                 got = narrow.train(static_cast<uint64_t>(kBatch * i));
    CHECK(got.rec_loss == doctest::Approx(want.rec_loss).epsilon(0.02));
    CHECK(got.adv_disc_loss == doctest::Approx(want.adv_disc_loss).epsilon(0.02));
    CHECK(std::abs(got.adv_gene_loss - want.adv_gene_loss) <= 0.02);
  }
}

TEST_CASE("adversary: plan and step agree") {
  Training t(textured(0.5)), without(StepOptions{});
  const StepPlan plan = HarmonicStep::plan(t.model.generator, t.model.discriminator, DType::kF32, kBatch, 1),
                 plain = HarmonicStep::plan(without.model.generator, without.model.discriminator, DType::kF32,
                                            kBatch, 1);
  CHECK(plan.product_flop == t.step.product_flop());
  CHECK(plan.bytes <= t.step.bytes());
  CHECK(plan.bytes + 8192 >= t.step.bytes());
  CHECK(plan.bytes > plain.bytes);
  CHECK(plain.adversarial_flop == 0);
  CHECK(plan.product_flop == plain.product_flop);
  CHECK(plan.adversarial_flop - plan.product_flop == Adversary::product_flop(t.model.discriminator, kBatch));
}

TEST_CASE("adversary: a texture needs a model with a discriminator") {
  Context ctx(1);
  Model model(Training::model_options(false), DType::kF32, Parameters::Use::kTraining);
  CHECK_THROWS_AS(HarmonicStep(ctx, model, kBatch, textured(0.5)), Error);
}

TEST_CASE("GPU: adversary: recorded steps of both phases agree with the CPU's" *
          doctest::skip(Context::gpu_count() == 0)) {
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    Training cpu(textured(0.5, 0.75), 1, dtype),
        gpu(
            textured(0.5, 0.75), [] { return Context(Gpu{}, 1); }, dtype);
    const double tolerance = dtype == DType::kF32 ? 5e-3 : 5e-2;
    std::optional<UncheckedAccesses> unchecked;
    for (int i = 0; i < 10; ++i) {
      if (i == 5) unchecked.emplace();  // the kernels of both phases have been seen
      const double progress = i / 12.0;
      const Losses want = cpu.train(static_cast<uint64_t>(kBatch * i), progress),
                   got = gpu.train(static_cast<uint64_t>(kBatch * i), progress);
      INFO("step " << i << ": rec_loss " << want.rec_loss << " and " << got.rec_loss << ", gene "
                   << want.adv_gene_loss << " and " << got.adv_gene_loss << ", disc " << want.adv_disc_loss
                   << " and " << got.adv_disc_loss);
      CHECK(want.is_adversarial == (i >= 3));
      CHECK(got.is_adversarial == want.is_adversarial);
      CHECK(std::abs(got.rec_loss - want.rec_loss) <= tolerance * want.rec_loss);
      CHECK(std::abs(got.adv_disc_loss - want.adv_disc_loss) <= tolerance);
      CHECK(std::abs(got.adv_gene_loss - want.adv_gene_loss) <= tolerance);
    }
    CHECK(gpu.step.adversarial_ratio() ==
          doctest::Approx(cpu.step.adversarial_ratio()).epsilon(dtype == DType::kF32 ? 0.02 : 0.2));
    const Losses want = cpu.watch(0), got = gpu.watch(0);
    CHECK(std::abs(got.adv_disc_loss - want.adv_disc_loss) <= tolerance);
  }
}

// Neither rates nor the scale may change before the GPU has taken them.
TEST_CASE("GPU: adversary: steps enqueued one behind the other have rates and scales of their own" *
          doctest::skip(Context::gpu_count() == 0)) {
  const auto open = [] { return Context(Gpu{}, 1); };
  Training waited_for(textured(0.5, 0.5), open, DType::kF32), enqueued(textured(0.5, 0.5), open, DType::kF32);
  for (int i = 0; i < 6; ++i) {
    waited_for.train(static_cast<uint64_t>(kBatch * i), i / 6.0);  // its losses are looked at
    enqueued.step.load(enqueued.batch(static_cast<uint64_t>(kBatch * i)));
    enqueued.step.train(i / 6.0);
  }
  enqueued.step.losses();
  CHECK(enqueued.state() == waited_for.state());
  CHECK(enqueued.step.adversarial_ratio() == waited_for.step.adversarial_ratio());
}
