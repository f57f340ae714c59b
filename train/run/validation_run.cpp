#include "train/run/validation_run.h"

#include <cstdio>
#include <utility>

#include "train/checkpoint/resume.h"
#include "train/log/progress.h"
#include "train/log/run_text.h"
#include "train/run/training_pictures.h"
#include "train/run/validation_pass.h"
#include "train/settings/folders.h"
#include "train/settings/run_device.h"
#include "train/settings/settings_text.h"
#include "train/step/run_options.h"

namespace inpaint {

int run_validation(const TrainSettings& wanted) {
  const TrainSettings settings = with_device(wanted);
  Progress out(stdout);
  fmt::print("{}", describe_settings(settings));
  const std::optional<MaskFiles> masks = open_masks(settings);
  Context ctx = open_context(settings);
  TrainingPictures data = open_validation_pictures(settings, settings.mode, ctx,
                                                   [&](const std::string& line) { out.line(line); });
  Ranks alone;
  ValidationPass validation(settings, std::move(data.set), data.workers,
                            ValidationPass::Pictures::kWholeBatches, masks ? &*masks : nullptr, alone);
  Model model(model_options(settings), activation_type(settings), Parameters::Use::kInference, ctx.device());
  const Beginning beginning = begin_validation(settings, checkpoint_folder(settings), ctx, model);
  for (const std::string& note : beginning.notes) out.line(note);
  NewFolders folders;
  make_run_folders(settings, folders);

  StepOptions options = step_options(settings);
  options.micro_batches = 1;
  const auto step = make_training_step(ctx, model, settings.batch_size, options);
  const SamplePictures samples(ctx, *step, picture_shape(settings), sample_folder(settings));
  folders.keep();
  const auto means = validation.run(ctx, *step, samples, [&](const ValidationPass::Seen& seen) {
    samples.save(ctx, *step, seen.batch, seen.pictures, seen.index);
    out.line("[Getting Sample...] " + validation_text(seen.figures.losses, seen.figures.quality));
    return true;
  });
  out.line("Mean " + validation_text(means->losses, means->quality));
  return 0;
}

}  // namespace inpaint
