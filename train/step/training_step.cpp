#include "train/step/training_step.h"

#include "train/step/gan_step.h"
#include "train/step/harmonic_step.h"

namespace inpaint {

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
