#include "train/run/run_plan.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "core/base/host_memory.h"
#include "train/checkpoint/disk_space.h"
#include "train/checkpoint/model_state.h"
#include "train/checkpoint/run_state.h"
#include "train/data/batch_loader.h"
#include "train/log/progress.h"
#include "train/run/run_holes.h"
#include "train/run/training_pictures.h"
#include "train/settings/folders.h"
#include "train/settings/run_device.h"
#include "train/settings/settings_text.h"
#include "train/step/run_options.h"
#include "train/step/training_step.h"

namespace inpaint {
namespace {

int64_t value_bytes(const ParameterSpec& spec, DType activation, HandedOver handed_over) {
  const DType dtype = parameter_dtype(activation);
  int64_t bytes =
      (spec.parameters() + spec.stored_gradients(handed_over) + spec.elements(ParameterId::Kind::kRunning)) *
      size_of(dtype);
  if (activation == DType::kBF16) bytes += spec.elements(ParameterId::Kind::kWeight) * size_of(activation);
  return bytes;
}

// What a step takes when the data is there; files, samples and validations come on top. progress: where in
// the planned run the step is.
double seconds_per_step(const TrainSettings& s, Context& ctx, const TrainingPictures& data, Model& model,
                        double progress) {
  constexpr int kUnmeasured = 2, kMeasured = 10;
  const auto step = make_training_step(ctx, model, s.batch_size, step_options(s));
  BatchLoader loader(*data.set, {.batch_size = s.batch_size,
                                 .micro_batches = s.accumulate,
                                 .shuffle = s.shuffle,
                                 .augmentation = {.flip = s.flip},
                                 .seed = static_cast<uint64_t>(s.seed),
                                 .workers = data.workers});
  const std::optional<MaskFiles> masks = open_masks(s);
  RunHoles holes(s, masks ? &*masks : nullptr, RandomStream::kHoleOffsets, Device::kCpu, s.batch_size,
                 s.accumulate);
  std::chrono::steady_clock::time_point start;
  for (int i = 0; i < kUnmeasured + kMeasured; ++i) {
    if (i == kUnmeasured) start = std::chrono::steady_clock::now();
    const LoadedBatch& batch = loader.next();
    step->load({batch.pixels, holes.draw(static_cast<uint64_t>(i * s.step_images()))});
    step->train(progress);
    step->losses();
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / kMeasured;
}

}  // namespace

int64_t RunPlan::fitting_batch_size() const {
  const int64_t room = free_bytes - free_bytes / 20 - weight_bytes - optimizer_bytes;
  return std::max<int64_t>(0, room) / std::max<int64_t>(1, pass_bytes / batch_size);
}

RunPlan plan_run(const TrainSettings& s) {
  const DType activation = activation_type(s);
  const ModelOptions options = model_options(s);
  const Network generator = make_generator(options), discriminator = make_discriminator(options);
  RunPlan plan;
  plan.batch_size = s.batch_size;
  plan.free_bytes = open_context(s).free_memory();
  plan.generator_parameters = generator.spec().parameters();
  plan.discriminator_parameters = discriminator.spec().parameters();
  const StepPlan step =
      plan_training_step(options, generator, discriminator, activation, s.batch_size, step_options(s));
  plan.step_flop = step.product_flop;
  plan.adversarial_flop = step.adversarial_flop;
  plan.pass_bytes = step.bytes;
  const HandedOver stored = handed_over(s, false);
  plan.weight_bytes = value_bytes(generator.spec(), activation, stored) +
                      value_bytes(discriminator.spec(), activation, stored);
  plan.optimizer_bytes =
      2 * (plan.generator_parameters + plan.discriminator_parameters) * size_of(parameter_dtype(activation));
  if (s.model == ModelKind::kHarmonicUnet)  // the averages
    plan.weight_bytes += plan.generator_parameters * size_of(parameter_dtype(activation));
  std::map<std::string, std::string> metadata = to_metadata(s);
  RunState{}.to_metadata(metadata);
  plan.checkpoint_bytes = safetensors_bytes(
      checkpoint_layout(options, generator, discriminator, parameter_dtype(activation)), metadata);
  const bool has_pictures = s.validate_share > 0 || std::filesystem::exists(data_file(s, Split::kValidate));
  const bool validates = s.validate_every > 0 && has_pictures;
  const int64_t saves =
      (s.epoch - s.start_epoch - 1) / std::max<int64_t>(1, s.ckpt) + 2;  // and one where it ends
  plan.copies = std::min<int64_t>(s.keep, saves) + 1 + (validates ? 1 : 0);
  return plan;
}

std::string to_text(const RunPlan& p) {
  std::string text;
  const auto line = [&](std::string_view name, const std::string& value) {
    text += fmt::format("{:<28}{}\n", name, value);
  };
  line("generator", fmt::format("{} parameters", p.generator_parameters));
  if (p.discriminator_parameters > 0)
    line("discriminator", fmt::format("{} parameters", p.discriminator_parameters));
  line("a step's products", fmt::format("{:.3f} TFLOP", static_cast<double>(p.step_flop) * 1e-12));
  if (p.adversarial_flop > 0)
    line("  in the adversarial phase",
         fmt::format("{:.3f} TFLOP", static_cast<double>(p.adversarial_flop) * 1e-12));
  line("memory for training", bytes_text(p.device_bytes()));
  line("  weights and gradients", bytes_text(p.weight_bytes));
  line("  optimizer", bytes_text(p.optimizer_bytes));
  line("  passes of a batch", bytes_text(p.pass_bytes));
  line("memory while saving",
       fmt::format("{} to {} more", bytes_text(p.checkpoint_bytes), bytes_text(2 * p.checkpoint_bytes)));
  line("a checkpoint", bytes_text(p.checkpoint_bytes));
  line("disk for checkpoints",
       fmt::format("{} (at most {} at a time)", bytes_text(p.copies * p.checkpoint_bytes), p.copies));
  return text;
}

std::string memory_text(const RunPlan& p) {
  std::string text = fmt::format(
      "training needs {} and scratch memory: weights and gradients {}, optimizer {}, passes of a batch {}, "
      "and saving "
      "up to {} more of the computer's",
      bytes_text(p.device_bytes()), bytes_text(p.weight_bytes), bytes_text(p.optimizer_bytes),
      bytes_text(p.pass_bytes), bytes_text(2 * p.checkpoint_bytes));
  if (p.free_bytes == 0) return text;
  text += fmt::format("; {} of the device's memory were free", bytes_text(p.free_bytes));
  const int64_t fitting = p.fitting_batch_size();
  if (fitting == 0) return text + ": too few for any batch_size, but a smaller network needs less";
  return fitting < p.batch_size ? text + fmt::format(": a batch_size of {} would fit", fitting) : text;
}

// How long the run will be, at so many seconds a step and so many steps an epoch.
std::string length_text(const TrainSettings& s, double step_seconds, int64_t epoch_steps) {
  const auto whole = static_cast<double>(epoch_steps) * (s.epoch - s.start_epoch);
  const double steps = s.minutes > 0 ? 60 * s.minutes / step_seconds : whole;
  if (s.max_steps != TrainSettings::kNoStepLimit && static_cast<double>(s.max_steps) < steps)
    return fmt::format("{} steps, {}", s.max_steps,
                       duration_text(step_seconds * static_cast<double>(s.max_steps)));
  if (s.minutes > 0)
    return fmt::format("{}, about {:.0f} steps or {:.3g} epochs", duration_text(60 * s.minutes), steps,
                       steps / static_cast<double>(epoch_steps));
  return fmt::format("{} epochs, {}", s.epoch - s.start_epoch, duration_text(step_seconds * whole));
}

int show_plan(const TrainSettings& wanted) {
  const TrainSettings settings = with_device(wanted);
  Progress out(stdout);
  const RunPlan plan = plan_run(settings);
  const auto say = [&](std::string_view name, const std::string& value) {
    out.line(fmt::format("{:<28}{}", name, value));
  };
  fmt::print("{}", to_text(plan));
  say("free memory of the computer", bytes_text(free_host_memory()));
  if (settings.device == DeviceChoice::kCuda) say("free memory of the GPU", bytes_text(plan.free_bytes));
  say("free disk", bytes_text(free_bytes(checkpoint_folder(settings))));
  return explain_memory(plan, [&] {
    Context ctx = open_context(settings);
    const TrainingPictures data =
        open_training_pictures(settings, ctx, [&](const std::string& line) { out.line(line); });
    Model model(model_options(settings), activation_type(settings), Parameters::Use::kTraining, ctx.device(),
                handed_over(settings, false));
    model.initialize(ctx, static_cast<uint64_t>(settings.seed));
    double step = seconds_per_step(settings, ctx, data, model, 0);
    const int64_t steps = batches_in_epoch(data.set->count(), settings.step_images());
    say("a step", fmt::format("{:.4g} s, the mean of ten measured ones", step));
    if (settings.texture > 0) {
      const double adversarial = seconds_per_step(settings, ctx, data, model, 1);
      say("  in the adversarial phase", fmt::format("{:.4g} s", adversarial));
      step += settings.texture_share * (adversarial - step);  // the mean over the run
    }
    const double epoch = step * static_cast<double>(steps);
    say("an epoch", fmt::format("{} steps, {}", steps, duration_text(epoch)));
    say("the run", length_text(settings, step, steps));
    return 0;
  });
}

}  // namespace inpaint
