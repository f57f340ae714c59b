// The norms and shares that a summary shows, beside the gradients themselves.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#include "core/base/philox.h"
#include "core/device/copy.h"
#include "tests/harness/thread_ranks.h"
#include "tests/train/step/tiny_training.h"
#include "train/holes/hole_form.h"
#include "train/step/training_step.h"
#ifdef INPAINT_CUDA_EXECUTOR
#include "tests/cuda_executor/executor.h"
#endif

using namespace inpaint;

namespace {

constexpr int64_t kBatch = 8, kSide = 16, kChannels = 3;
const ModelOptions kGan{.context_encoder = kTinyOptions};
const ModelOptions kUnet{
    .kind = ModelKind::kHarmonicUnet,
    .harmonic_unet = {.image_size = kSide, .image_channel = kChannels, .levels = {{16, 0, 1}, {16, 1, 0}}}};

struct Watched {
  Context ctx;
  Model model;
  std::unique_ptr<TrainingStep> step;
  int64_t first, batch;
  std::vector<uint8_t> pictures = striped_pictures(kBatch), masks;
  std::vector<int32_t> places;

  Watched(
      const ModelOptions& options, const StepOptions& step_options, DType dtype = DType::kF64,
      HandedOver handed_over = HandedOver::kNotStored,
      const std::function<Context()>& open = [] { return Context(2); })
      : ctx(open()),
        model(options, dtype, Parameters::Use::kTraining, ctx.device(), handed_over),
        first(0),
        batch(kBatch) {
    if (const Ranks* ranks = step_options.ranks) {
      batch /= ranks->count();
      first = batch * ranks->rank();
    }
    model.initialize(ctx, 3);
    step = make_training_step(ctx, model, batch / step_options.micro_batches, step_options);
    masks.resize(static_cast<size_t>(batch * kSide * kSide));
    places.resize(static_cast<size_t>(2 * batch));
  }

  void load(uint64_t picture) {
    const Tensor mask{{batch, kSide, kSide}, DType::kU8, Device::kCpu, masks.data()},
        offsets{{batch, 2}, DType::kI32, Device::kCpu, places.data()},
        bytes{{batch, kSide, kSide, kChannels},
              DType::kU8,
              Device::kCpu,
              pictures.data() + first * kSide * kSide * kChannels};
    const Philox random(3, RandomStream::kHoleOffsets);
    const uint64_t from = picture + static_cast<uint64_t>(first);
    if (model.options.kind == ModelKind::kHarmonicUnet) {
      draw_holes({.form = HoleForm::kMixed}, random, from, mask);
      return step->load({bytes, {mask, {}}});
    }
    place_holes(HolePlacement::kRandom, random, from, kSide, offsets);
    mark_squares(offsets, mask);
    step->load({bytes, {mask, offsets}});
  }
  void train(uint64_t picture) {
    load(picture);
    step->train(0);
    step->losses();
  }
  // As a summary asks for it.
  GradientFigures watch_then_train(uint64_t picture) {
    load(picture);
    step->watch(Statistics::kBatch, batch);
    step->watch_gradients();
    step->train(0);
    step->losses();
    return step->gradients();
  }
  void train_a_little() {
    for (int i = 0; i < 3; ++i) train(static_cast<uint64_t>(100 + i * kBatch));
  }
};

std::vector<double> values_of(const Context& ctx, const Tensor& t) {
  const HostCopy copy(ctx, t);
  std::vector<double> values;
  visit_activation_type(t.dtype, [&]<typename T>(T) {
    for (int64_t i = 0; i < t.elements(); ++i) values.push_back(static_cast<double>(copy->as<T>()[i]));
  });
  return values;
}

double norm(const std::vector<double>& values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return std::sqrt(squares);
}

void check_shares(const GradientFigures& got, const std::vector<std::pair<std::string, double>>& norms,
                  double tolerance) {
  double all = 0, sum = 0;
  for (const auto& [term, size] : norms) all += size;
  REQUIRE(got.loss_shares.size() == norms.size());
  for (size_t i = 0; i < norms.size(); ++i) {
    CAPTURE(norms[i].first);
    CHECK(got.loss_shares[i].term == norms[i].first);
    CHECK(norms[i].second > 0);
    CHECK(std::abs(got.loss_shares[i].share - norms[i].second / all) <= tolerance);
    sum += got.loss_shares[i].share;
  }
  CHECK(sum == doctest::Approx(1).epsilon(1e-12));
}

std::vector<uint8_t> bytes_of(const Watched& w) {
  std::vector<uint8_t> bytes;
  for (const Parameters* params : {&w.model.generator_params, &w.model.discriminator_params})
    for (const Tensor& t : {params->values(), params->moments1(), params->moments2(), params->running()}) {
      const HostCopy copy(w.ctx, t);
      const auto* data = static_cast<const uint8_t*>(copy->data);
      bytes.insert(bytes.end(), data, data + copy->bytes());
    }
  return bytes;
}

}  // namespace

TEST_CASE("gradients: the norms are those of the gradients that the first updates store") {
  const StepOptions discriminator_alone{.gene_iter = 0, .disc_iter = 1},
      generator_alone{.gene_iter = 1, .disc_iter = 0};
  for (const AdversarialLoss adversarial : {AdversarialLoss::kCrossEntropy, AdversarialLoss::kHinge}) {
    const auto norms_of = [&](StepOptions options, bool of_generator) {
      options.adversarial = adversarial;
      Watched stored(kGan, options, DType::kF64, HandedOver::kStored);
      stored.train(0);
      const Model& m = stored.model;
      return norm(
          values_of(stored.ctx, (of_generator ? m.generator_params : m.discriminator_params).grads()));
    };
    for (const HandedOver handed_over : {HandedOver::kStored, HandedOver::kNotStored}) {
      StepOptions options;
      options.adversarial = adversarial;
      options.weight_clip = true;  // the norms are before it
      Watched watched(kGan, options, DType::kF64, handed_over);
      const GradientFigures got = watched.watch_then_train(0);
      CHECK(got.generator_norm == doctest::Approx(norms_of(generator_alone, true)).epsilon(1e-10));
      REQUIRE(got.discriminator_norm.has_value());
      CHECK(*got.discriminator_norm == doctest::Approx(norms_of(discriminator_alone, false)).epsilon(1e-10));
    }
  }
}

TEST_CASE("gradients: with micro-batches, the norms of the summed gradients") {
  const StepOptions discriminator_alone{.gene_iter = 0, .disc_iter = 1, .micro_batches = 2},
      generator_alone{.gene_iter = 1, .disc_iter = 0, .micro_batches = 2};
  const auto norm_of = [&](const StepOptions& options, bool of_generator) {
    Watched stored(kGan, options, DType::kF64, HandedOver::kStored);
    stored.train(0);
    const Model& m = stored.model;
    return norm(values_of(stored.ctx, (of_generator ? m.generator_params : m.discriminator_params).grads()));
  };
  Watched watched(kGan, {.micro_batches = 2}, DType::kF64, HandedOver::kStored);
  const GradientFigures got = watched.watch_then_train(0);
  CHECK(got.generator_norm == doctest::Approx(norm_of(generator_alone, true)).epsilon(1e-10));
  CHECK(got.discriminator_norm.value_or(0) ==
        doctest::Approx(norm_of(discriminator_alone, false)).epsilon(1e-10));
}

TEST_CASE("gradients: a whole-picture model's micro-batches come to the figures of one batch") {
  Watched whole(kUnet, {}), parted(kUnet, {.micro_batches = 2}, DType::kF64, HandedOver::kStored);
  for (Watched* one : {&whole, &parted}) one->train_a_little();
  const GradientFigures want = whole.watch_then_train(0), got = parted.watch_then_train(0);
  CHECK(got.generator_norm == doctest::Approx(want.generator_norm).epsilon(1e-9));
  REQUIRE(got.loss_shares.size() == 2);
  for (size_t i = 0; i < 2; ++i)
    CHECK(got.loss_shares[i].share == doctest::Approx(want.loss_shares[i].share).epsilon(1e-9));
}

TEST_CASE("gradients: the norm of a whole-picture model is that of its update, before the clip") {
  Watched watched(kUnet, {});
  watched.train_a_little();
  watched.step->generator().set_clip_mean(1e-6);  // far below the norm: the update is clipped
  const GradientFigures got = watched.watch_then_train(0);
  CHECK_FALSE(got.discriminator_norm.has_value());
  CHECK(got.generator_norm > 1e-4);
  CHECK(got.generator_norm ==
        doctest::Approx(norm(values_of(watched.ctx, watched.model.generator_params.grads()))).epsilon(1e-12));
}

TEST_CASE("gradients: the shares are those of the terms' own gradients, by their formulas") {
  StepOptions options;
  options.lamb_rec = 0.9;
  options.lamb_adv = 0.05;
  options.lamb_tv = 1e-4;
  Watched watched(kGan, options);
  watched.train_a_little();
  watched.load(0);
  watched.step->watch(Statistics::kBatch, kBatch);
  watched.step->watch_gradients();
  const GradientFigures got = watched.step->gradients();

  const Context& ctx = watched.ctx;
  Model& model = watched.model;
  const Tensor fake = watched.step->fake_images();
  const std::vector<double> f = values_of(ctx, fake), h = values_of(ctx, watched.step->hidden_images());
  const int64_t side = kSide / 2, elements = fake.elements();
  std::vector<double> rec, tv(f.size());
  for (size_t i = 0; i < f.size(); ++i)
    rec.push_back(options.lamb_rec * 2 * (f[i] - h[i]) / static_cast<double>(elements));
  for (int64_t i = 0; i < elements; ++i) {
    const int64_t x = i / kChannels % side, y = i / kChannels / side % side;
    for (const auto& [inside, next] :
         {std::pair{x + 1 < side, i + kChannels}, {y + 1 < side, i + side * kChannels}}) {
      if (!inside) continue;
      const double step = f[next] - f[i], sign = step > 0 ? 1 : step < 0 ? -1 : 0;
      tv[next] += options.lamb_tv / kBatch * sign;
      tv[i] -= options.lamb_tv / kBatch * sign;
    }
  }
  // Through the discriminator: d(mean of -log sigmoid(s)) / ds = (sigmoid(s) - 1) / N.
  Context own(2);
  Pass pass(own, model.discriminator, fake.shape, DType::kF64, Pass::Keep::kForBackward);
  model.discriminator.forward(own, model.discriminator_params, fake, Statistics::kBatch, pass);
  const Buffer memory((kBatch + elements) * 8);
  const Tensor dscore = memory.tensor({kBatch, 1}, DType::kF64),
               dfake = memory.tensor(fake.shape, DType::kF64, kBatch * 8);
  for (int64_t i = 0; i < kBatch; ++i)
    dscore.as<double>()[i] =
        options.lamb_adv * (1 / (1 + std::exp(-pass.output().as<double>()[i])) - 1) / kBatch;
  model.discriminator.backward(own, model.discriminator_params, dscore, &dfake, ParameterGrads::kSkip, pass);
  check_shares(got, {{"rec", norm(rec)}, {"adv", norm(values_of(own, dfake))}, {"tv", norm(tv)}}, 1e-10);
}

TEST_CASE("gradients: the shares of a whole-picture model, by their formulas") {
  Watched watched(kUnet, {});
  watched.train_a_little();
  watched.load(0);
  watched.step->watch(Statistics::kBatch, kBatch);
  watched.step->watch_gradients();
  const Buffer memory(kBatch * kSide * kSide * kChannels * 8);
  const Tensor painted = memory.tensor({kBatch, kSide, kSide, kChannels}, DType::kF64);
  watched.step->write_inpainted(painted);
  double l1 = 0, rms = 0;  // sums of squares
  for (int64_t n = 0; n < kBatch; ++n) {
    double squares = 0, count = 0;
    for (int64_t i = n * kSide * kSide; i < (n + 1) * kSide * kSide; ++i)
      for (int64_t c = 0; c < kChannels && watched.masks[i] != 0; ++c, ++count)
        squares += std::pow(
            painted.as<double>()[i * kChannels + c] - (watched.pictures[i * kChannels + c] - 127.5) / 127.5,
            2);
    l1 += count / std::pow(kBatch * count, 2);  // no difference is 0
    rms += squares / (squares / count + 1e-4) / std::pow(kBatch * count, 2);
  }
  check_shares(watched.step->gradients(), {{"l1", std::sqrt(l1)}, {"rms", std::sqrt(rms)}}, 1e-6);
}

TEST_CASE("gradients: a loss that stands alone has the whole share, and without any, all are 0") {
  struct Weights {
    double rec, adv, tv;
  };
  for (const Weights& w : {Weights{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0, 0, 0}}) {
    StepOptions options;
    options.lamb_rec = w.rec;
    options.lamb_adv = w.adv;
    options.lamb_tv = w.tv;
    Watched watched(kGan, options);
    const GradientFigures got = watched.watch_then_train(0);
    CHECK(got.loss_shares.at(0).share == w.rec);
    CHECK(got.loss_shares.at(1).share == w.adv);
    CHECK(got.loss_shares.at(2).share == w.tv);
  }
}

TEST_CASE("gradients: looking at them changes no bit of the training") {
  for (const ModelOptions& options : {kGan, kUnet})
    for (const DType dtype : {DType::kF32, DType::kBF16})
      for (const auto& [reuse, micro_batches] : {std::pair{true, 1}, {false, 1}, {true, 2}}) {
        StepOptions step_options;
        step_options.reuse = reuse;
        step_options.micro_batches = micro_batches;
        const auto handed_over = micro_batches > 1 ? HandedOver::kStored : HandedOver::kNotStored;
        Watched watched(options, step_options, dtype, handed_over),
            plain(options, step_options, dtype, handed_over);
        for (uint64_t picture = 0; picture < 3 * kBatch; picture += kBatch) {
          watched.watch_then_train(picture);
          plain.train(picture);
        }
        CHECK(bytes_of(watched) == bytes_of(plain));
        CHECK(watched.step->adversarial_share() == plain.step->adversarial_share());
      }
}

TEST_CASE("gradients: several ranks come to those of the whole batch") {
  for (const auto& [options, micro_batches] : {std::pair{kGan, 1}, {kUnet, 1}, {kUnet, 2}}) {
    StepOptions step_options;
    step_options.sync_batch_norm = true;
    step_options.micro_batches = micro_batches;
    Watched alone(options, step_options, DType::kF64, HandedOver::kStored);
    const GradientFigures want = alone.watch_then_train(0);
    const ModelOptions& model = options;  // a structured binding cannot be captured
    std::vector<GradientFigures> all(2);
    const RanksEnding ending = run_ranks(2, [&](Ranks& ranks) {
      StepOptions shared = step_options;
      shared.ranks = &ranks;
      Watched one(model, shared, DType::kF64, HandedOver::kStored);
      all[static_cast<size_t>(ranks.rank())] = one.watch_then_train(0);
    });
    for (const std::string& error : ending.errors) CHECK(error == "");
    for (const GradientFigures& got : all) {
      CHECK(got.generator_norm == doctest::Approx(want.generator_norm).epsilon(1e-9));
      CHECK(got.discriminator_norm.value_or(0) ==
            doctest::Approx(want.discriminator_norm.value_or(0)).epsilon(1e-9));
      for (size_t i = 0; i < want.loss_shares.size(); ++i)
        CHECK(got.loss_shares.at(i).share == doctest::Approx(want.loss_shares[i].share).epsilon(1e-9));
    }
  }
}

TEST_CASE("GPU: gradients: the CPU's figures, beside recorded steps" *
          doctest::skip(Context::gpu_count() == 0)) {
#ifdef INPAINT_CUDA_EXECUTOR
  executor::set_access_checks(false);  // they take most of the time
#endif
  const auto open = [] { return Context(Gpu{}, 1); };
  const StepOptions step_options{.gene_iter = 1};
  for (const ModelOptions& options : {kGan, kUnet}) {
    Watched cpu(options, step_options, DType::kF32),
        gpu(options, step_options, DType::kF32, HandedOver::kNotStored, open),
        plain(options, step_options, DType::kF32, HandedOver::kNotStored, open);
    const GradientFigures want = cpu.watch_then_train(0), got = gpu.watch_then_train(0);
    plain.train(0);
    CHECK(got.generator_norm == doctest::Approx(want.generator_norm).epsilon(1e-3));
    CHECK(got.discriminator_norm.value_or(0) ==
          doctest::Approx(want.discriminator_norm.value_or(0)).epsilon(1e-3));
    for (size_t i = 0; i < want.loss_shares.size(); ++i)
      CHECK(std::abs(got.loss_shares.at(i).share - want.loss_shares[i].share) <= 1e-3);
    gpu.watch_then_train(kBatch);
    plain.train(kBatch);
    CHECK(bytes_of(gpu) == bytes_of(plain));
  }
#ifdef INPAINT_CUDA_EXECUTOR
  executor::set_access_checks(true);
#endif
}
