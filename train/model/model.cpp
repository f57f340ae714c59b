#include "train/model/model.h"

#include "core/device/copy.h"

namespace inpaint {

Network make_generator(const ModelOptions& options) {
  return options.kind == ModelKind::kHarmonicUnet ? make_harmonic_unet(options.harmonic_unet)
                                                  : make_generator(options.context_encoder);
}

Network make_discriminator(const ModelOptions& options) {
  if (options.kind == ModelKind::kContextEncoder) return make_discriminator(options.context_encoder);
  if (options.patch_discriminator) return make_patch_discriminator(*options.patch_discriminator);
  const HarmonicUnetOptions& unet = options.harmonic_unet;
  return Network("discriminator", {unet.image_size, unet.image_size, unet.image_channel});
}

Model::Model(const ModelOptions& model_options, DType activation, Parameters::Use use, Device device,
             HandedOver handed_over)
    : options(model_options),
      generator(make_generator(model_options)),
      discriminator(make_discriminator(model_options)),
      generator_params(generator.spec(), activation, use, device, handed_over),
      discriminator_params(discriminator.spec(), activation, use, device, handed_over) {
  if (options.kind == ModelKind::kHarmonicUnet)
    generator_averages.emplace(generator.spec(), activation, Parameters::Use::kInference, device);
}

void Model::initialize_discriminator(const Context& ctx, uint64_t seed) {
  discriminator_params.initialize(ctx, seed, 1);
  if (discriminator_params.use() == Parameters::Use::kInference) return;  // which has no moments
  for (const Tensor& moments : {discriminator_params.moments1(), discriminator_params.moments2()}) {
    const Buffer zeros(moments.bytes());
    upload(ctx, zeros.tensor(moments.shape, moments.dtype), moments);
  }
}

void Model::initialize(const Context& ctx, uint64_t seed) {
  generator_params.initialize(ctx, seed, 0);
  discriminator_params.initialize(ctx, seed, 1);
  if (!generator_averages) return;
  copy_on_device(ctx, generator_params.values(), generator_averages->values());
  generator_averages->refresh_copy(ctx);
}

}  // namespace inpaint
