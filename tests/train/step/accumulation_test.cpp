// Updates from several micro-batches beside updates from the whole batch.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/harness/orders.h"
#include "tests/train/step/parted_training.h"

using namespace inpaint;

namespace {

// Enough weights of the generator that gradients go out while backward runs.
const ModelOptions kWideGan{
    .context_encoder = {.image_size = 16, .image_channel = 3, .base_channels = 8, .bottleneck = 256}};

bool no_gpu() { return Context::gpu_count() == 0; }

Way in_parts(int micro_batches, bool sync_batch_norm = false) {
  return {.options = {.gene_iter = 2, .micro_batches = micro_batches, .sync_batch_norm = sync_batch_norm}};
}

Way on_gpu(Way way) {
  way.open = [](int) { return Context(Gpu{}, 1); };
  return way;
}

double norm_of(const std::vector<double>& values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return std::sqrt(squares);
}

enum class Averages { kAlike, kOthers };  // the running averages of batch norms

// Losses alike to `losses` of them, and what training has changed of weights and moments to `updates` of it.
void check_alike(const State& a, const State& b, const State& begin, double losses, double updates,
                 Averages averages = Averages::kAlike) {
  REQUIRE(a.losses.size() == b.losses.size());
  for (size_t i = 0; i < a.losses.size(); ++i)
    CHECK(b.losses[i] == doctest::Approx(a.losses[i]).epsilon(losses));
  for (size_t i = 0; i < a.values.size(); ++i) {
    CAPTURE(i);
    if (i % 4 != 3 || averages == Averages::kAlike)
      CHECK(relative_difference(a.values[i], b.values[i], begin.values[i]) <= updates);
  }
}

}  // namespace

TEST_CASE("accumulation: in fp64 micro-batches come to what the whole batch comes to") {
  for (const ModelOptions& options : {kUnet, kWide, kTextured}) {
    const State begin = train_alone(options, DType::kF64, 0);
    for (const int micro_batches : {2, 4, 8}) {
      CAPTURE(micro_batches);
      check_alike(train_alone(options, DType::kF64, 1),
                  train_alone(options, DType::kF64, 1, in_parts(micro_batches)), begin, 1e-14, 1e-12);
      check_alike(train_alone(options, DType::kF64, 10),
                  train_alone(options, DType::kF64, 10, in_parts(micro_batches)), begin, 1e-12, 1e-10);
    }
  }
}

TEST_CASE("accumulation: in fp32 losses and weights are those of the whole batch to a millionth") {
  const State whole = train_alone(kUnet, DType::kF32, 3);
  for (const int micro_batches : {2, 4}) {
    const State parts = train_alone(kUnet, DType::kF32, 3, in_parts(micro_batches));
    for (size_t i = 0; i < whole.losses.size(); ++i)
      CHECK(parts.losses[i] == doctest::Approx(whole.losses[i]).epsilon(1e-6));
    const std::vector<double>&a = whole.values[0], &b = parts.values[0], zero(a.size());
    CHECK(relative_difference(a, b, zero) <= 1e-6);
    CHECK(norm_of(a) > 1);
  }
}

TEST_CASE("accumulation: in bf16 losses are near those of the whole batch") {
  for (const ModelOptions& options : {kUnet, kGan, kTextured}) {
    const State whole = train_alone(options, DType::kBF16, 3),
                parts = train_alone(options, DType::kBF16, 3, in_parts(2));
    for (size_t i = 0; i < whole.losses.size(); ++i)
      CHECK(parts.losses[i] == doctest::Approx(whole.losses[i]).epsilon(0.02));
  }
}

// A rank that normalises its share alone does what a micro-batch does.
TEST_CASE("accumulation: micro-batches of a GAN come to what as many ranks come to without sync_batch_norm") {
  const State begin = train_alone(kGan, DType::kF64, 0);
  for (const int count : {2, 4}) {
    const std::vector<State> ranks = train_ranks(kGan, DType::kF64, 3, count, in_parts(1));
    check_alike(ranks[0], train_alone(kGan, DType::kF64, 3, in_parts(count)), begin, 1e-11, 1e-9,
                Averages::kOthers);
  }
}

TEST_CASE("accumulation: two ranks with two micro-batches come to what one process comes to") {
  REQUIRE(make_generator(kWideGan).spec().elements(ParameterId::Kind::kWeight) > GradientExchange::kSlice);
  for (const ModelOptions& options : {kUnet, kWide, kGan, kWideGan, kTextured}) {
    const State begin = train_alone(options, DType::kF64, 0),
                one = train_alone(options, DType::kF64, 3, in_parts(2));
    const std::vector<State> all = train_ranks(options, DType::kF64, 3, 2, in_parts(2, true));
    check_alike(one, all[0], begin, 1e-10, 1e-9);
    CHECK(all[1] == all[0]);
  }
  const std::vector<State> narrow = train_ranks(kGan, DType::kF32, 3, 2, in_parts(2)),
                           again = train_ranks(kGan, DType::kF32, 3, 2, in_parts(2));
  CHECK(narrow[1] == narrow[0]);
  CHECK(again[0] == narrow[0]);
}

TEST_CASE("accumulation: the same bits with and without reuse, for any number of threads") {
  for (const DType dtype : {DType::kF32, DType::kBF16})
    for (const int disc_iter : {0, 1, 2}) {
      Way way = in_parts(2);
      way.options.disc_iter = disc_iter;
      const State one = train_alone(kGan, dtype, 3, way);
      way.open = [](int) { return Context(3); };
      CHECK(train_alone(kGan, dtype, 3, way) == one);
      way.options.reuse = false;
      CHECK(train_alone(kGan, dtype, 3, way) == one);
    }
}

TEST_CASE("accumulation: a watch sees the whole batch, or the first of its pictures") {
  for (const ModelOptions& options : {kGan, kUnet}) {
    Context ctx(2);
    const auto step_of = [&](Model& model, int micro_batches) {
      return make_training_step(ctx, model, kBatch / micro_batches,
                                {.gene_iter = 1, .disc_iter = 0, .micro_batches = micro_batches});
    };
    Model model(options, DType::kF64, Parameters::Use::kTraining, Device::kCpu, HandedOver::kStored);
    model.initialize(ctx, 3);
    const auto whole = step_of(model, 1), parts = step_of(model, 4);
    std::vector<uint8_t> pictures = striped_pictures(kBatch), masks(kBatch * kSide * kSide);
    std::vector<int32_t> offsets(2 * kBatch);
    const Tensor mask{{kBatch, kSide, kSide}, DType::kU8, Device::kCpu, masks.data()},
        places{{kBatch, 2}, DType::kI32, Device::kCpu, offsets.data()};
    place_holes(HolePlacement::kRandom, Philox(3, RandomStream::kHoleOffsets), 0, kSide, places);
    mark_squares(places, mask);
    const Batch batch{{{kBatch, kSide, kSide, kChannels}, DType::kU8, Device::kCpu, pictures.data()},
                      {mask, places}};
    for (TrainingStep* step : {whole.get(), parts.get()}) step->load(batch);
    for (const int64_t count : {int64_t{1}, int64_t{2}, int64_t{5}, kBatch}) {
      CAPTURE(count);
      const Losses a = whole->watch(Statistics::kRunning, count),
                   b = parts->watch(Statistics::kRunning, count);
      for (double Losses::*loss : {&Losses::rec_loss, &Losses::adv_gene_loss, &Losses::tv_loss,
                                   &Losses::gene_loss_ori, &Losses::adv_disc_loss, &Losses::disc_acc})
        CHECK(b.*loss == doctest::Approx(a.*loss).epsilon(1e-12));
    }
    const Losses seen = parts->watch(Statistics::kBatch, kBatch);
    // A micro-batch alone can be watched, and is what is painted.
    parts->load(first_of(batch, 2));
    CHECK_THROWS_AS(parts->watch(Statistics::kRunning, 3), Error);
    CHECK_THROWS_AS(parts->train(0), Error);
    CHECK(parts->watch(Statistics::kRunning, 2).rec_loss ==
          doctest::Approx(whole->watch(Statistics::kRunning, 2).rec_loss).epsilon(1e-12));
    const Shape two{2, kSide, kSide, kChannels}, eight{kBatch, kSide, kSide, kChannels};
    std::vector<double> painted(static_cast<size_t>(two.elements())),
        all(static_cast<size_t>(eight.elements()));
    parts->write_inpainted({two, DType::kF64, Device::kCpu, painted.data()});
    whole->write_inpainted({eight, DType::kF64, Device::kCpu, all.data()});
    for (size_t i = 0; i < painted.size(); ++i) REQUIRE(painted[i] == doctest::Approx(all[i]).epsilon(1e-12));
    parts->load(batch);
    parts->train(0);
    const Losses trained = parts->losses();
    CHECK(trained.rec_loss == seen.rec_loss);
    CHECK(trained.gene_loss_ori == seen.gene_loss_ori);
    CHECK(trained.adv_disc_loss == seen.adv_disc_loss);
    CHECK(trained.disc_acc == seen.disc_acc);
    CHECK(parts->product_flop() == whole->product_flop());
    const StepOptions four{.gene_iter = 1, .disc_iter = 0, .micro_batches = 4};
    const StepPlan plan =
        plan_training_step(options, model.generator, model.discriminator, DType::kF64, kBatch / 4, four);
    CHECK(plan.product_flop == parts->product_flop());
    CHECK(plan.bytes <= parts->bytes());
    CHECK(plan.bytes + 4096 >= parts->bytes());
  }
}

TEST_CASE("accumulation: gradients that are not stored cannot be summed") {
  Context ctx(1);
  Model model(kGan, DType::kF32, Parameters::Use::kTraining);
  model.initialize(ctx, 3);
  CHECK_THROWS_AS(make_training_step(ctx, model, 4, {.micro_batches = 2}), Error);
}

TEST_CASE("GPU: steps of micro-batches agree with the CPU's, recorded" * doctest::skip(no_gpu())) {
  const UncheckedAccesses unchecked;
  for (const ModelOptions& options : {kGan, kUnet, kTextured})
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      const State cpu = train_alone(options, dtype, 3, in_parts(2)),
                  gpu = train_alone(options, dtype, 3, on_gpu(in_parts(2)));
      for (size_t i = 0; i < cpu.losses.size(); ++i) {
        INFO("step " << i << ": CPU " << cpu.losses[i] << ", GPU " << gpu.losses[i]);
        CHECK(std::abs(gpu.losses[i] / cpu.losses[i] - 1) <= (dtype == DType::kF32 ? 2e-3 : 5e-2));
      }
    }
}

TEST_CASE("GPU: a recorded step of micro-batches gives the bits of one without reuse" *
          doctest::skip(no_gpu())) {
  Way way = on_gpu(in_parts(2));
  const State one = train_alone(kGan, DType::kF32, 4, way);
  way.options.reuse = false;
  CHECK(train_alone(kGan, DType::kF32, 4, way) == one);
}
