// What the settings mean for the parts of a run.
#pragma once

#include "nn/networks/context_encoder.h"
#include "train/settings/settings.h"
#include "train/step/step_options.h"

namespace inpaint {

inline ContextEncoderOptions network_options(const TrainSettings& s) {
  return {.image_size = s.image_size,
          .image_channel = s.image_channel,
          .base_channels = s.base_channels,
          .bottleneck = s.bottleneck};
}

inline StepOptions step_options(const TrainSettings& s) {
  return {.learning_rate = s.learning_rate,
          .lamb_rec = s.lamb_rec,
          .lamb_adv = s.lamb_adv,
          .lamb_tv = s.lamb_tv,
          .norm = s.use_l1 ? ReconstructionNorm::kL1 : ReconstructionNorm::kL2,
          .weight_clip = s.weight_clip,
          .gene_iter = s.gene_iter,
          .disc_iter = s.disc_iter,
          .reuse = s.reuse};
}

// The element type of activations for this precision.
inline DType activation_type(const TrainSettings& s) {
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
