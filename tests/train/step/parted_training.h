// Some steps of training on batches of eight pictures, which ranks and micro-batches may take in parts.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "kernels/ranks/open_gpu_ranks.h"
#include "tests/harness/thread_ranks.h"
#include "tests/train/step/tiny_training.h"
#include "train/holes/hole_form.h"
#include "train/step/training_step.h"

namespace inpaint {

inline constexpr int64_t kBatch = 8, kSide = 16, kChannels = 3;
inline const ModelOptions kGan{.context_encoder = kTinyOptions};
inline const ModelOptions kUnet{
    .kind = ModelKind::kHarmonicUnet,
    .harmonic_unet = {.image_size = kSide, .image_channel = kChannels, .levels = {{16, 0, 1}, {16, 1, 0}}}};
// In its adversarial phase from the first step on.
inline const ModelOptions kTextured{.kind = kUnet.kind,
                                    .harmonic_unet = kUnet.harmonic_unet,
                                    .patch_discriminator = PatchDiscriminatorOptions{
                                        .image_size = kSide, .image_channel = kChannels, .base_channels = 8}};
// Enough weights that gradients go out to other ranks while backward runs.
inline const ModelOptions kWide{
    .kind = ModelKind::kHarmonicUnet,
    .harmonic_unet = {.image_size = kSide, .image_channel = kChannels, .levels = {{16, 0, 1}, {96, 2, 0}}}};

struct State {
  std::vector<double> losses;               // after every step, of all ranks the same
  std::vector<std::vector<double>> values;  // parameters, moments and running averages of each network

  friend bool operator==(const State&, const State&) = default;
};

inline std::vector<double> host_values(const Context& ctx, const Tensor& t) {
  const HostCopy host(ctx, t);
  std::vector<double> values;
  visit_real(t.dtype, [&]<typename T>(T) { values.assign(host->as<T>(), host->as<T>() + host->elements()); });
  return values;
}

// What a way of training may differ in.
struct Way {
  StepOptions options = {.gene_iter = 2};
  std::function<Context(int rank)> open = [](int) { return Context(1); };
};

// Steps of a rank on its share of every micro-batch. Pictures and holes follow from their place in the batch.
inline State train(const ModelOptions& model_options, DType dtype, int steps, Ranks& ranks, Way way = {}) {
  Context ctx = way.open(ranks.rank());
  const auto gpu_ranks = open_gpu_ranks(ctx, ranks);
  const int micro_batches = way.options.micro_batches;
  const bool stores = ranks.are_several() || micro_batches > 1;
  Model model(model_options, dtype, Parameters::Use::kTraining, ctx.device(),
              stores ? HandedOver::kStored : HandedOver::kNotStored);
  model.initialize(ctx, 3);
  if (ranks.are_several()) way.options.ranks = &ranks;
  if (model_options.patch_discriminator) way.options.texture = 0.5, way.options.texture_share = 1;
  const int64_t micro_batch = kBatch / micro_batches, share = micro_batch / ranks.count(),
                all = micro_batches * share, picture = kSide * kSide * kChannels;
  const auto step = make_training_step(ctx, model, share, way.options);
  const std::vector<uint8_t> pictures = striped_pictures(kBatch);
  const Buffer memory = Buffer::staging(all * (picture + kSide * kSide), ctx.device()),
               place_memory = Buffer::staging(all * 2 * size_of(DType::kI32), ctx.device());
  const Tensor bytes = memory.tensor({all, kSide, kSide, kChannels}, DType::kU8),
               mask = memory.tensor({all, kSide, kSide}, DType::kU8, all * picture),
               places = place_memory.tensor({all, 2}, DType::kI32);
  const AbandonOnFailure abandons(gpu_ranks.get());
  const bool squares = model_options.kind == ModelKind::kContextEncoder;
  State state;
  for (int i = 0; i < steps; ++i) {
    for (int m = 0; m < micro_batches; ++m) {
      const int64_t first = m * micro_batch + ranks.rank() * share;
      const auto number = static_cast<uint64_t>(i * kBatch + first);
      const Philox random(3, RandomStream::kHoleOffsets);
      std::memcpy(part_of(bytes, m * share, share).data, pictures.data() + first * picture,
                  static_cast<size_t>(share * picture));
      const Tensor masks = part_of(mask, m * share, share), corners = part_of(places, m * share, share);
      if (squares) {
        place_holes(HolePlacement::kRandom, random, number, kSide, corners);
        mark_squares(corners, masks);
      } else {
        draw_holes({.form = HoleForm::kMixed}, random, number, masks);
      }
    }
    step->load({bytes, {mask, squares ? places : Tensor{}}});
    step->train(0);
    double loss = 0;
    for (const double one : ranks.gather(step->losses().gene_loss_ori)) loss += one / ranks.count();
    state.losses.push_back(loss);
  }
  for (const Parameters* params : {&model.generator_params, &model.discriminator_params})
    for (const Tensor& t : {params->values(), params->moments1(), params->moments2(), params->running()})
      state.values.push_back(host_values(ctx, t));
  return state;
}

inline std::vector<State> train_ranks(const ModelOptions& options, DType dtype, int steps, int count,
                                      const Way& way) {
  std::vector<State> states(static_cast<size_t>(count));
  const RanksEnding ending = run_ranks(count, [&](Ranks& ranks) {
    states[static_cast<size_t>(ranks.rank())] = train(options, dtype, steps, ranks, way);
  });
  for (const std::string& error : ending.errors) CHECK(error == "");
  return states;
}

inline State train_alone(const ModelOptions& options, DType dtype, int steps, const Way& way = {}) {
  Ranks alone;
  return train(options, dtype, steps, alone, way);
}

// The norm of a - b over that of a - origin; of values that have not moved, 0.
inline double relative_difference(const std::vector<double>& a, const std::vector<double>& b,
                                  const std::vector<double>& origin) {
  double difference = 0, way = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    way += (a[i] - origin[i]) * (a[i] - origin[i]);
  }
  return difference == 0 ? 0 : std::sqrt(difference / way);
}

}  // namespace inpaint
