#include "train/step/run_options.h"

namespace inpaint {
namespace {

// Channels, residual blocks of the encoder and of the decoder, from the outermost level on. Small and base
// are for a CPU, large is for a GPU.
std::vector<HarmonicUnetOptions::Level> levels_of(ModelSize size) {
  switch (size) {
    case ModelSize::kSmall:
      return {{16, 0, 0}, {48, 0, 1}, {96, 1, 0}, {128, 4, 0}};
    case ModelSize::kBase:
      return {{16, 0, 0}, {48, 0, 1}, {96, 1, 1}, {128, 1, 1}, {192, 4, 0}};
    case ModelSize::kLarge:
      break;
  }
  return {{32, 0, 0}, {96, 1, 1}, {192, 1, 2}, {320, 2, 1}, {384, 6, 0}};
}

}  // namespace

ModelOptions model_options(const TrainSettings& s) {
  ModelOptions options{
      .kind = s.model,
      .context_encoder = {.image_size = s.image_size,
                          .image_channel = s.image_channel,
                          .base_channels = s.base_channels,
                          .bottleneck = s.bottleneck},
      .harmonic_unet = {
          .image_size = s.image_size, .image_channel = s.image_channel, .levels = levels_of(s.model_size)}};
  if (s.texture > 0)
    options.patch_discriminator = {.image_size = s.image_size,
                                   .image_channel = s.image_channel,
                                   .base_channels = s.model_size == ModelSize::kLarge ? 64 : 32};
  return options;
}

StepOptions step_options(const TrainSettings& s) {
  return {.learning_rate = s.learning_rate,
          .lamb_rec = s.lamb_rec,
          .lamb_adv = s.lamb_adv,
          .lamb_tv = s.lamb_tv,
          .norm = s.use_l1 ? ReconstructionNorm::kL1 : ReconstructionNorm::kL2,
          .adversarial = s.adv_loss,
          .weight_clip = s.weight_clip,
          .gene_iter = s.gene_iter,
          .disc_iter = s.disc_iter,
          .warm_up = s.warm_up,
          .last_rate = s.last_rate,
          .average_decay = s.average_decay,
          .texture = s.texture,
          .texture_share = s.texture_share,
          .reuse = s.reuse,
          .micro_batches = s.accumulate};
}

HandedOver handed_over(const TrainSettings& s, bool several_ranks) {
  return several_ranks || s.accumulate > 1 ? HandedOver::kStored : HandedOver::kNotStored;
}

Shape picture_shape(const TrainSettings& s) {
  return {s.batch_size, s.image_size, s.image_size, s.image_channel};
}

DType activation_type(const TrainSettings& s) {
  switch (s.precision) {
    case Precision::kFp64:
      return DType::kF64;
    case Precision::kBf16:
      return DType::kBF16;
    default:
      return DType::kF32;
  }
}

}  // namespace inpaint
