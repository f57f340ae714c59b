// The networks of a model and their parameters.
#pragma once

#include <optional>

#include "nn/networks/context_encoder.h"
#include "nn/networks/harmonic_unet.h"
#include "nn/networks/patch_discriminator.h"
#include "train/settings/settings.h"

namespace inpaint {

struct ModelOptions {
  ModelKind kind = ModelKind::kContextEncoder;
  ContextEncoderOptions context_encoder = {};
  HarmonicUnetOptions harmonic_unet = {};
  std::optional<PatchDiscriminatorOptions> patch_discriminator = std::nullopt;  // of kHarmonicUnet
};

Network make_generator(const ModelOptions& options);
// A network without layers where the model has no discriminator.
Network make_discriminator(const ModelOptions& options);

struct Model {
  // activation: the type of what travels between layers; the parameters' follows from it (nn/parameters.h).
  // handed_over: several ranks or micro-batches store the gradients of large weights, to sum them.
  Model(const ModelOptions& model_options, DType activation, Parameters::Use use,
        Device device = Device::kCpu, HandedOver handed_over = HandedOver::kNotStored);

  // Draws all initial values; the same for the same seed, whatever the threads.
  void initialize(const Context& ctx, uint64_t seed);
  // The discriminator's alone, with moments of 0.
  void initialize_discriminator(const Context& ctx, uint64_t seed);

  DType activation_dtype() const { return generator_params.activation_dtype(); }

  ModelOptions options;
  Network generator, discriminator;
  Parameters generator_params, discriminator_params;
  // Moving averages of the generator's parameters over its updates, which paint better than those of one
  // update; only for kHarmonicUnet.
  std::optional<Parameters> generator_averages;
};

}  // namespace inpaint
