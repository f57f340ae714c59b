// The generator, the discriminator and their parameters.
#pragma once

#include "nn/context_encoder.h"

namespace inpaint {

struct Model {
  Model(const ContextEncoderOptions& model_options, DType dtype, Parameters::Use use)
      : options(model_options),
        generator(make_generator(model_options)),
        discriminator(make_discriminator(model_options)),
        generator_params(generator.spec(), dtype, use),
        discriminator_params(discriminator.spec(), dtype, use) {}

  // Draws all initial values; the same for the same seed, whatever the threads.
  void initialize(const Context& ctx, uint64_t seed) {
    generator_params.initialize(ctx, seed, 0);
    discriminator_params.initialize(ctx, seed, 1);
  }

  DType dtype() const { return generator_params.dtype(); }
  int64_t hidden_size() const { return options.image_size / 2; }

  ContextEncoderOptions options;
  Network generator, discriminator;
  Parameters generator_params, discriminator_params;
};

}  // namespace inpaint
