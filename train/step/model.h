// The generator, the discriminator and their parameters.
#pragma once

#include "nn/networks/context_encoder.h"

namespace inpaint {

struct Model {
  // activation: the type of what travels between layers; the parameters' follows from it (nn/parameters.h).
  Model(const ContextEncoderOptions& model_options, DType activation, Parameters::Use use,
        Device device = Device::kCpu)
      : options(model_options),
        generator(make_generator(model_options)),
        discriminator(make_discriminator(model_options)),
        generator_params(generator.spec(), activation, use, device),
        discriminator_params(discriminator.spec(), activation, use, device) {}

  // Draws all initial values; the same for the same seed, whatever the threads.
  void initialize(const Context& ctx, uint64_t seed) {
    generator_params.initialize(ctx, seed, 0);
    discriminator_params.initialize(ctx, seed, 1);
  }

  DType activation_dtype() const { return generator_params.activation_dtype(); }
  int64_t hidden_size() const { return options.image_size / 2; }

  ContextEncoderOptions options;
  Network generator, discriminator;
  Parameters generator_params, discriminator_params;
};

}  // namespace inpaint
