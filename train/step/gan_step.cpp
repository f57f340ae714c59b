#include "train/step/gan_step.h"

#include <algorithm>
#include <cmath>

#include "core/device/copy.h"
#include "core/ranks/ranks.h"
#include "kernels/picture/hole.h"
#include "train/step/product_flop.h"

namespace inpaint {
namespace {

Pass::Keep keep_of(const Model& model) {
  return model.generator_params.use() == Parameters::Use::kTraining ? Pass::Keep::kForBackward
                                                                    : Pass::Keep::kOutputOnly;
}

// A pass for each micro-batch: while the discriminator stands still, their outputs are needed again.
std::deque<CachedPass> real_passes(Context& ctx, const Model& model, int64_t batch_size, int count) {
  const Network& network = model.discriminator;
  std::deque<CachedPass> passes;
  passes.emplace_back(ctx, network, network.in_shape(batch_size), model.activation_dtype(), keep_of(model));
  while (std::ssize(passes) < count) passes.emplace_back(ctx, network, passes.front().get());
  return passes;
}

LearnerOptions generator_options(const StepOptions& step) {
  LearnerOptions options{.updates_per_step = step.gene_iter, .ranks = step.ranks};
  options.adam.learning_rate = step.learning_rate;
  options.adam.beta2 = step.weight_clip ? 0.999 : 0.9;
  if (step.weight_clip) options.adam.clip = GanStep::kGradientClip;
  return options;
}

LearnerOptions discriminator_options(const StepOptions& step) {
  LearnerOptions options = generator_options(step);
  options.updates_per_step = step.disc_iter;
  options.adam.learning_rate *= step.weight_clip ? 0.1 : 1.0;
  return options;
}

}  // namespace

GanStep::GanStep(Context& ctx, Model& model, int64_t batch_size, const StepOptions& options)
    : ctx_(ctx),
      model_(model),
      options_(options),
      figures_(ctx),
      objective_(ctx, options, model.discriminator.in_shape(batch_size), figures_),
      generator_(ctx, model.generator, model.generator_params, generator_options(options), batch_size,
                 figures_),
      discriminator_(ctx, model.discriminator, model.discriminator_params, discriminator_options(options),
                     batch_size, figures_),
      shares_(ctx, {"rec", "adv", "tv"}, model.discriminator.in_shape(batch_size).elements(),
              options.micro_batches, options.ranks, figures_),
      generator_pass_(ctx, model.generator, model.generator.in_shape(batch_size), model.activation_dtype(),
                      keep_of(model)),
      real_passes_(real_passes(ctx, model, batch_size, options.micro_batches)),
      fake_pass_(ctx, model.discriminator, real_passes_.front().get()),
      updates_(ctx, Urgency::kBackground),
      weight_gradients_(ctx, Urgency::kNormal) {
  const DType real = model.activation_dtype();
  const Shape masked = model.generator.in_shape(batch_size),
              hidden = model.discriminator.in_shape(batch_size);
  const Shape all_masked = model.generator.in_shape(options.micro_batches * batch_size);
  memory_.masked = arena_.reserve(all_masked, real);
  memory_.hidden = arena_.reserve(model.discriminator.in_shape(all_masked[0]), real);
  memory_.dfake = arena_.reserve(hidden, real);
  memory_.dscore = arena_.reserve({batch_size, 1}, real);
  memory_.offsets = arena_.reserve({all_masked[0], 2}, DType::kI32);
  arena_.allocate(ctx.device());
  figures_.allocate();
  if (options.ranks != nullptr && options.sync_batch_norm) {
    for (Pass* pass : {&generator_pass_.get(), &fake_pass_}) pass->normalise_over(*options.ranks);
    for (CachedPass& pass : real_passes_) pass.get().normalise_over(*options.ranks);
  }
  if (ctx.device() == Device::kCpu) return;
  if (model.generator_params.use() == Parameters::Use::kTraining) {
    updates_.reserve_workspace([&](const Context& branch) {
      return FusedAdam::workspace_bytes(branch, model.generator.spec(), batch_size, real);
    });
    weight_gradients_.reserve_workspace([&](const Context& beside) {
      return std::max(model.generator.weight_gradient_workspace_bytes(beside, masked, real),
                      model.discriminator.weight_gradient_workspace_bytes(beside, hidden, real));
    });
  }
  const Shape shapes[] = {all_masked, {all_masked[0], 2}};
  const DType types[] = {DType::kU8, DType::kI32};
  input_ = std::make_unique<InputBuffer>(ctx, shapes, types);
}

// The CPU cuts at once, out of the host's memory; on a GPU the cut is part of what reads it.
void GanStep::load(const Batch& batch) {
  INPAINT_CHECK(batch.holes.offsets.data != nullptr, "the holes of this model are squares of half the side");
  expire_passes();
  holes_cut_ = false;
  loaded_ = batch.pictures.shape[0];
  turn_to(0);
  if (input_ == nullptr) {
    upload(ctx_, batch.holes.offsets, first_of(offsets(), loaded_));
    cut_holes(batch.pictures);
    holes_cut_ = true;
    return;
  }
  const Tensor host[] = {batch.pictures, batch.holes.offsets};
  input_->put(ctx_, host);
}

void GanStep::cut_holes(const Tensor& pictures) {
  cut_hole(ctx_, pictures, first_of(offsets(), loaded_), first_of(arena_.tensor(memory_.masked), loaded_),
           first_of(arena_.tensor(memory_.hidden), loaded_));
}

void GanStep::cut_holes() {
  if (!holes_cut_) cut_holes(first_of(input_->tensor(input_->place(), 0), loaded_));
}

Tensor GanStep::offsets() const {
  return input_ == nullptr ? arena_.tensor(memory_.offsets) : input_->tensor(input_->place(), 1);
}

void GanStep::write_inpainted(const Tensor& inpainted) const {
  paste_hole(ctx_, masked_images(), fake_images(), of_micro_batch(offsets()), inpainted);
}

void GanStep::train(double progress) {
  judged_ = options_.micro_batches * pictures();
  INPAINT_CHECK(loaded_ == judged_, "{} pictures to train on, {} loaded", judged_, loaded_);
  figures_.wait();  // nothing to wait for after losses(); the host's rates and figures are used again
  discriminator_.upload_rates(ctx_, progress);
  generator_.upload_rates(ctx_, progress);
  if (input_ == nullptr) {
    record();
  } else {
    expire_passes();  // as at every replay
    holes_cut_ = false;
    recordings_[input_->place()].run(ctx_, [this] { record(); });
    expire_passes();
  }
  turn_to(options_.micro_batches - 1);  // where the recording ends
  generator_.updates += options_.gene_iter;
  discriminator_.updates += options_.disc_iter;
  figures_.read_back();
  meet();
}

// The part of a step that is recorded as one CUDA graph. It may read device memory only: a replay does not
// see host variables.
void GanStep::record() {
  cut_holes();
  for (int i = 0; i < options_.disc_iter; ++i) update_discriminator(i);
  for (int i = 0; i < options_.gene_iter; ++i) update_generator(i);
  updates_.join();
  mean_running_averages();
}

void GanStep::meet() {
  if (options_.ranks != nullptr) options_.ranks->meet();
}

// Each rank has moved them by its own statistics, and the mean of averages is the average of means.
void GanStep::mean_running_averages() {
  if (options_.ranks == nullptr || options_.sync_batch_norm) return;
  options_.ranks->mean(model_.generator_params.running());
  options_.ranks->mean(model_.discriminator_params.running());
}

Losses GanStep::watch(Statistics statistics, int64_t pictures) {
  cut_holes();
  expire_passes();
  INPAINT_CHECK(pictures <= loaded_, "{} pictures to watch, {} loaded", pictures, loaded_);
  const int64_t most = this->pictures();
  for (int m = 0; m * most < pictures; ++m) {
    turn_to(m);
    forward_generator(statistics);
    forward_real(statistics);
    forward_fake(statistics);
    const int64_t count = std::min(most, pictures - m * most);
    objective_.judge(ctx_, m, first_of(real_scores(), count), first_of(fake_scores(), count), {});
    objective_.paint(ctx_, m, first_of(fake_images(), count), first_of(hidden_images(), count), nullptr);
  }
  expire_passes();
  judged_ = pictures;
  figures_.read_back();
  if (statistics == Statistics::kBatch) meet();
  return losses();
}

void GanStep::expire_passes() {
  generator_pass_.expire();
  expire_real_passes();
}

void GanStep::expire_real_passes() {
  for (CachedPass& pass : real_passes_) pass.expire();
}

void GanStep::turn_to(int micro_batch) {
  if (micro_batch != micro_batch_) generator_pass_.expire();
  micro_batch_ = micro_batch;
}

// Batch norm's running averages are moved by the caller, once for each time the source program runs the pass.
void GanStep::forward_generator(Statistics statistics) {
  if (!options_.reuse) generator_pass_.expire();
  generator_pass_.refresh([&](Pass& pass) {
    model_.generator.forward(ctx_, model_.generator_params, masked_images(), statistics, pass, &updates_);
  });
}

void GanStep::forward_real(Statistics statistics) {
  if (!options_.reuse) real_pass().expire();
  real_pass().refresh([&](Pass& pass) {
    model_.discriminator.forward(ctx_, model_.discriminator_params, hidden_images(), statistics, pass);
  });
}

void GanStep::forward_fake(Statistics statistics) {
  model_.discriminator.forward(ctx_, model_.discriminator_params, fake_images(), statistics, fake_pass_);
}

void GanStep::update_discriminator(int i) {
  const Network &generator = model_.generator, &disc = model_.discriminator;
  const Parameters& params = model_.discriminator_params;
  const Tensor dscore = arena_.tensor(memory_.dscore);
  const int last = options_.micro_batches - 1;

  for (int m = 0; m <= last; ++m) {
    turn_to(m);
    forward_generator(Statistics::kBatch);
    generator.update_running(ctx_, model_.generator_params, generator_pass_.get());

    real_pass().expire();  // the two passes take turns in one memory
    forward_real(Statistics::kBatch);
    disc.update_running(ctx_, params, real_pass().get());
    objective_.judge_real(ctx_, m, real_scores(), dscore);
    disc.backward(ctx_, params, dscore, nullptr, {ParameterGrads::sum_from(m), nullptr, &weight_gradients_},
                  real_pass().get());

    forward_fake(Statistics::kBatch);
    disc.update_running(ctx_, params, fake_pass_);
    objective_.judge_fake(ctx_, m, fake_scores(), dscore);
    disc.backward(ctx_, params, dscore, nullptr,
                  {ParameterGrads::kAccumulate, nullptr, &weight_gradients_,
                   m == last ? discriminator_.watcher() : nullptr},
                  fake_pass_);
  }
  discriminator_.apply(ctx_, discriminator_.update(i, nullptr), i);
  expire_real_passes();
}

void GanStep::update_generator(int i) {
  const Network &generator = model_.generator, &disc = model_.discriminator;
  const Parameters &params = model_.generator_params, &disc_params = model_.discriminator_params;
  const Tensor dscore = arena_.tensor(memory_.dscore), dfake = arena_.tensor(memory_.dfake);
  const int last = options_.micro_batches - 1;

  FusedAdam update = generator_.update(i, &updates_);
  for (int m = 0; m <= last; ++m) {
    turn_to(m);
    forward_generator(Statistics::kBatch);
    generator.update_running(ctx_, params, generator_pass_.get());
    // The real batch: for the printed figures, and because the source program's pass moves the averages.
    forward_real(Statistics::kBatch);
    disc.update_running(ctx_, disc_params, real_pass().get());
    forward_fake(Statistics::kBatch);
    disc.update_running(ctx_, disc_params, fake_pass_);
    objective_.judge(ctx_, m, real_scores(), fake_scores(), dscore);

    // Through the discriminator for the image's gradient only; its own parameters' gradients are not touched.
    disc.backward(ctx_, disc_params, dscore, &dfake, ParameterGrads::kSkip, fake_pass_);
    objective_.paint(ctx_, m, fake_images(), hidden_images(), &dfake);
    generator.backward(ctx_, params, dfake, nullptr,
                       {ParameterGrads::sum_from(m), &update, &weight_gradients_,
                        m == last ? generator_.watcher() : nullptr},
                       generator_pass_.get());
  }
  generator_.apply(ctx_, update, i);
  generator_pass_.expire();
}

void GanStep::watch_gradients() {
  const Network &generator = model_.generator, &disc = model_.discriminator;
  const Parameters &params = model_.generator_params, &disc_params = model_.discriminator_params;
  const Tensor dscore = arena_.tensor(memory_.dscore), dfake = arena_.tensor(memory_.dfake);
  const int last = options_.micro_batches - 1;
  GradientNorm norm = generator_.norm_sink(), disc_norm = discriminator_.norm_sink();
  enum : size_t { kReconstruction, kAdversarial, kVariation };
  cut_holes();
  expire_passes();
  for (int m = 0; m <= last; ++m) {
    turn_to(m);
    forward_generator(Statistics::kBatch);

    // The discriminator's, as in update_discriminator.
    forward_real(Statistics::kBatch);
    objective_.judge_real(ctx_, m, real_scores(), dscore);
    disc.backward(ctx_, disc_params, dscore, nullptr,
                  {ParameterGrads::sum_from(m), &disc_norm, &weight_gradients_}, real_pass().get());
    forward_fake(Statistics::kBatch);
    objective_.judge_fake(ctx_, m, fake_scores(), dscore);
    disc.backward(ctx_, disc_params, dscore, nullptr,
                  {ParameterGrads::kAccumulate, &disc_norm, &weight_gradients_,
                   m == last ? discriminator_.watcher() : nullptr},
                  fake_pass_);
    if (m == last) discriminator_.measure(ctx_, disc_norm);

    // The generator's, as in update_generator, with a look at each term on the way.
    objective_.reconstruction_gradient(ctx_, fake_images(), hidden_images(), dfake);
    shares_.take(ctx_, kReconstruction, m, dfake);
    objective_.variation_gradient(ctx_, fake_images(), dfake);
    shares_.take(ctx_, kVariation, m, dfake);
    forward_fake(Statistics::kBatch);  // backward has used the pass's memory
    objective_.judge(ctx_, m, real_scores(), fake_scores(), dscore);
    disc.backward(ctx_, disc_params, dscore, &dfake, ParameterGrads::kSkip, fake_pass_);
    shares_.take(ctx_, kAdversarial, m, dfake);
    objective_.paint(ctx_, m, fake_images(), hidden_images(), &dfake);
    generator.backward(
        ctx_, params, dfake, nullptr,
        {ParameterGrads::sum_from(m), &norm, &weight_gradients_, m == last ? generator_.watcher() : nullptr},
        generator_pass_.get());
  }
  generator_.measure(ctx_, norm);
  shares_.complete();

  expire_passes();
  judged_ = options_.micro_batches * pictures();
  figures_.read_back();
  meet();
  figures_.wait();
}

GradientFigures GanStep::gradients() const {
  return {.generator_norm = generator_.gradient_norm(),
          .discriminator_norm = discriminator_.gradient_norm(),
          .loss_shares = shares_.values()};
}

Losses GanStep::losses() {
  figures_.wait();
  return objective_.losses(judged_);
}

bool GanStep::is_finite(const Losses& l) const {
  return std::isfinite(l.gene_loss_ori) && std::isfinite(l.adv_disc_loss) && generator_.is_finite() &&
         discriminator_.is_finite();
}

bool GanStep::is_state_finite() const {
  return generator_.is_state_finite(ctx_) && discriminator_.is_state_finite(ctx_);
}

int64_t GanStep::bytes() const {
  int64_t bytes =
      generator_pass_.get().bytes() + fake_pass_.bytes() + arena_.planned_bytes() + figures_.bytes();
  for (const CachedPass& pass : real_passes_) bytes += pass.get().bytes();
  return bytes;
}

int64_t GanStep::product_flop() const {
  return step_product_flop(model_.generator, model_.discriminator, pictures(), options_);
}

StepPlan GanStep::plan(const Network& generator, const Network& discriminator, DType activation,
                       int64_t batch_size, const StepOptions& options) {
  constexpr auto kKeep = Pass::Keep::kForBackward;
  const Shape pictures = generator.in_shape(batch_size), holes = discriminator.in_shape(batch_size);
  const int count = options.micro_batches;
  const int64_t inputs = count * (pictures.elements() + holes.elements());
  return {.bytes = Pass::planned_bytes(generator, pictures, activation, kKeep) +
                   Pass::planned_bytes(discriminator, holes, activation, kKeep, count + 1) +
                   (inputs + holes.elements()) * size_of(activation),
          .product_flop = step_product_flop(generator, discriminator, batch_size, options)};
}

}  // namespace inpaint
