// Ranks that train on shares of a batch come to what one process comes to on the whole of it.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "tests/harness/thread_ranks.h"
#include "tests/train/step/tiny_training.h"
#include "train/holes/hole_form.h"
#include "train/step/training_step.h"

using namespace inpaint;

namespace {

constexpr int64_t kBatch = 8, kSide = 16, kChannels = 3;
const ModelOptions kGan{.context_encoder = kTinyOptions};
const ModelOptions kUnet{
    .kind = ModelKind::kHarmonicUnet,
    .harmonic_unet = {.image_size = kSide, .image_channel = kChannels, .levels = {{16, 0, 1}, {16, 1, 0}}}};
// Enough weights that gradients go out while backward runs.
const ModelOptions kWide{
    .kind = ModelKind::kHarmonicUnet,
    .harmonic_unet = {.image_size = kSide, .image_channel = kChannels, .levels = {{16, 0, 1}, {96, 2, 0}}}};

struct State {
  std::vector<double> losses;               // after every step, of all ranks the same
  std::vector<std::vector<double>> values;  // parameters, moments and running averages of each network

  friend bool operator==(const State&, const State&) = default;
};

std::vector<double> host_values(const Tensor& t) {
  std::vector<double> values;
  visit_real(t.dtype, [&]<typename T>(T) { values.assign(t.as<T>(), t.as<T>() + t.elements()); });
  return values;
}

// Some steps on this rank's share of each batch.
State train(const ModelOptions& options, DType dtype, int steps, Ranks& ranks, bool sync_batch_norm) {
  Context ctx(1);
  Model model(options, dtype, Parameters::Use::kTraining, Device::kCpu,
              ranks.are_several() ? HandedOver::kStored : HandedOver::kNotStored);
  model.initialize(ctx, 3);
  const int64_t share = kBatch / ranks.count(), first = share * ranks.rank();
  StepOptions step_options{.gene_iter = 2, .sync_batch_norm = sync_batch_norm};
  if (ranks.are_several()) step_options.ranks = &ranks;
  const auto step = make_training_step(ctx, model, share, step_options);
  std::vector<uint8_t> pictures = striped_pictures(kBatch), masks(share * kSide * kSide);
  std::vector<int32_t> offsets(static_cast<size_t>(2 * share));
  const Tensor mask{{share, kSide, kSide}, DType::kU8, Device::kCpu, masks.data()},
      places{{share, 2}, DType::kI32, Device::kCpu, offsets.data()},
      bytes{{share, kSide, kSide, kChannels},
            DType::kU8,
            Device::kCpu,
            pictures.data() + first * kSide * kSide * kChannels};
  State state;
  for (int i = 0; i < steps; ++i) {
    const auto picture = static_cast<uint64_t>(i * kBatch + first);
    const Philox random(3, RandomStream::kHoleOffsets);
    if (options.kind == ModelKind::kContextEncoder) {
      place_holes(HolePlacement::kRandom, random, picture, kSide, places);
      mark_squares(places, mask);
      step->load({bytes, {mask, places}});
    } else {
      draw_holes({.form = HoleForm::kMixed}, random, picture, mask);
      step->load({bytes, {mask, {}}});
    }
    step->train(0);
    double loss = 0;
    for (const double one : ranks.gather(step->losses().gene_loss_ori)) loss += one / ranks.count();
    state.losses.push_back(loss);
  }
  for (const Parameters* params : {&model.generator_params, &model.discriminator_params})
    for (const Tensor& t : {params->values(), params->moments1(), params->moments2(), params->running()})
      state.values.push_back(host_values(t));
  return state;
}

std::vector<State> train_ranks(const ModelOptions& options, DType dtype, int steps, int count,
                               bool sync_batch_norm) {
  std::vector<State> states(static_cast<size_t>(count));
  const RanksEnding ending = run_ranks(count, [&](Ranks& ranks) {
    states[static_cast<size_t>(ranks.rank())] = train(options, dtype, steps, ranks, sync_batch_norm);
  });
  for (const std::string& error : ending.errors) CHECK(error == "");
  return states;
}

State train_alone(const ModelOptions& options, DType dtype, int steps) {
  Ranks alone;
  return train(options, dtype, steps, alone, false);
}

// The norm of a - b over that of a - origin; of values that have not moved, 0.
double relative_difference(const std::vector<double>& a, const std::vector<double>& b,
                           const std::vector<double>& origin) {
  double difference = 0, way = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    way += (a[i] - origin[i]) * (a[i] - origin[i]);
  }
  return difference == 0 ? 0 : std::sqrt(difference / way);
}

}  // namespace

TEST_CASE("ranks: in fp64 two and four come to what one comes to on the whole batch") {
  REQUIRE(make_generator(kWide).spec().elements(ParameterId::Kind::kWeight) > GradientExchange::kSlice);
  for (const ModelOptions& options : {kGan, kUnet, kWide}) {
    constexpr int kSteps = 10;
    const State begin = train_alone(options, DType::kF64, 0), one = train_alone(options, DType::kF64, kSteps);
    for (const int count : {2, 4}) {
      CAPTURE(count);
      const std::vector<State> all = train_ranks(options, DType::kF64, kSteps, count, true);
      for (size_t i = 0; i < one.losses.size(); ++i)
        CHECK(all[0].losses[i] == doctest::Approx(one.losses[i]).epsilon(1e-9));
      for (size_t i = 0; i < one.values.size(); ++i) {
        CAPTURE(i);
        CHECK(relative_difference(one.values[i], all[0].values[i], begin.values[i]) < 1e-9);
      }
      for (const State& other : all) CHECK(other == all[0]);
    }
  }
}

TEST_CASE("ranks: in fp32 the same ranks give the same bytes, and all ranks have them") {
  for (const bool sync_batch_norm : {false, true}) {
    const std::vector<State> all = train_ranks(kGan, DType::kF32, 3, 2, sync_batch_norm),
                             again = train_ranks(kGan, DType::kF32, 3, 2, sync_batch_norm);
    CHECK(all[1] == all[0]);
    CHECK(again[0] == all[0]);
  }
}

TEST_CASE("ranks: without sync_batch_norm each normalises its share") {
  const State one = train_alone(kGan, DType::kF64, 1);
  const std::vector<State> all = train_ranks(kGan, DType::kF64, 1, 2, false);
  CHECK(std::abs(all[0].losses[0] / one.losses[0] - 1) > 1e-6);
  CHECK(all[1] == all[0]);  // also the running averages, which each moved by its own statistics
}
