#include "train/step/training_step.h"

#include "train/step/gan_step.h"
#include "train/step/harmonic_step.h"

namespace inpaint {

Tensor first_of(const Tensor& tensor, int64_t count) {
  const Shape& s = tensor.shape;
  INPAINT_CHECK(count >= 1 && count <= s[0], "the first {} of {}", count, to_string(s));
  Tensor part = tensor;
  part.shape = s.rank() == 1   ? Shape{count}
               : s.rank() == 2 ? Shape{count, s[1]}
               : s.rank() == 3 ? Shape{count, s[1], s[2]}
                               : Shape{count, s[1], s[2], s[3]};
  return part;
}

std::unique_ptr<TrainingStep> make_training_step(Context& ctx, Model& model, int64_t batch_size,
                                                 const StepOptions& options) {
  if (model.options.kind == ModelKind::kHarmonicUnet)
    return std::make_unique<HarmonicStep>(ctx, model, batch_size, options);
  return std::make_unique<GanStep>(ctx, model, batch_size, options);
}

StepPlan plan_training_step(const ModelOptions& model, const Network& generator, const Network& discriminator,
                            DType activation, int64_t batch_size, const StepOptions& options) {
  return model.kind == ModelKind::kHarmonicUnet
             ? HarmonicStep::plan(generator, activation, batch_size)
             : GanStep::plan(generator, discriminator, activation, batch_size, options);
}

}  // namespace inpaint
