#include "train/step/training_step.h"

#include "train/step/gan_step.h"
#include "train/step/harmonic_step.h"

namespace inpaint {

Tensor first_of(const Tensor& tensor, int64_t count) { return part_of(tensor, 0, count); }

Tensor part_of(const Tensor& tensor, int64_t begin, int64_t count) {
  const Shape& s = tensor.shape;
  INPAINT_CHECK(begin >= 0 && count >= 1 && begin + count <= s[0], "{} from {} on of {}", count, begin,
                to_string(s));
  Tensor part = tensor;
  part.data = static_cast<std::byte*>(tensor.data) + begin * (tensor.bytes() / s[0]);
  part.shape = s.rank() == 1   ? Shape{count}
               : s.rank() == 2 ? Shape{count, s[1]}
               : s.rank() == 3 ? Shape{count, s[1], s[2]}
                               : Shape{count, s[1], s[2], s[3]};
  return part;
}

Batch first_of(const Batch& batch, int64_t count) {
  const Tensor &mask = batch.holes.mask, &offsets = batch.holes.offsets;
  return {first_of(batch.pictures, count),
          {first_of(mask, count), offsets.data == nullptr ? Tensor{} : first_of(offsets, count)}};
}

std::unique_ptr<TrainingStep> make_training_step(Context& ctx, Model& model, int64_t batch_size,
                                                 const StepOptions& options) {
  for (const Parameters* params : {&model.generator_params, &model.discriminator_params})
    INPAINT_CHECK(options.micro_batches == 1 || params->grads().elements() == params->spec().parameters(),
                  "{} micro-batches, and not all gradients are stored", options.micro_batches);
  if (model.options.kind == ModelKind::kHarmonicUnet)
    return std::make_unique<HarmonicStep>(ctx, model, batch_size, options);
  return std::make_unique<GanStep>(ctx, model, batch_size, options);
}

StepPlan plan_training_step(const ModelOptions& model, const Network& generator, const Network& discriminator,
                            DType activation, int64_t batch_size, const StepOptions& options) {
  return model.kind == ModelKind::kHarmonicUnet
             ? HarmonicStep::plan(generator, discriminator, activation, batch_size, options.micro_batches)
             : GanStep::plan(generator, discriminator, activation, batch_size, options);
}

}  // namespace inpaint
