#include "train/step/harmonic_step.h"

#include <algorithm>
#include <cmath>

#include "core/device/copy.h"
#include "core/ranks/ranks.h"
#include "kernels/loss/hole_loss.h"

namespace inpaint {
namespace {

bool is_trained(const Model& model) { return model.generator_params.use() == Parameters::Use::kTraining; }

LearnerOptions learner_options(const StepOptions& step) {
  return {.adam = {.learning_rate = step.learning_rate, .beta1 = 0.9, .beta2 = 0.99},
          .weight_decay_rate = 0,
          .schedule = {.warm_up = step.warm_up, .last = step.last_rate},
          .adaptive_clip = true,
          .average_decay = step.average_decay,
          .ranks = step.ranks};
}

std::vector<std::string_view> terms_of(const StepOptions& step) {
  return step.texture > 0 ? std::vector<std::string_view>{"l1", "rms", "adv"}
                          : std::vector<std::string_view>{"l1", "rms"};
}

std::unique_ptr<Adversary> make_adversary(Context& ctx, const Model& model, int64_t batch_size,
                                          const StepOptions& options, DeviceFigures& figures,
                                          Branch& weight_gradients) {
  if (options.texture == 0 || !is_trained(model)) return nullptr;
  INPAINT_CHECK(model.options.patch_discriminator, "texture {}, and the model has no discriminator",
                options.texture);
  return std::make_unique<Adversary>(ctx, model, batch_size, options, figures, weight_gradients);
}

}  // namespace

HarmonicStep::HarmonicStep(Context& ctx, Model& model, int64_t batch_size, const StepOptions& options)
    : ctx_(ctx),
      model_(model),
      ranks_(options.ranks),
      options_(options),
      micro_batches_(options.micro_batches),
      figures_(ctx),
      l1_(figures_.add(options.micro_batches)),
      rms_(figures_.add(options.micro_batches)),
      weight_gradients_(ctx, Urgency::kNormal),
      generator_(ctx, model.generator, model.generator_params, learner_options(options), batch_size, figures_,
                 &*model.generator_averages),
      adversary_(make_adversary(ctx, model, batch_size, options, figures_, weight_gradients_)),
      shares_(ctx, terms_of(options), pictures_of(model.generator, batch_size).elements(), micro_batches_,
              options.ranks, figures_),
      painter_(ctx, model.generator, pictures_of(model.generator, batch_size), model.activation_dtype(),
               is_trained(model) ? Pass::Keep::kForBackward : Pass::Keep::kOutputOnly) {
  const Shape pictures = painter_.images().shape,
              all = pictures_of(model.generator, micro_batches_ * batch_size);
  const Shape shapes[] = {all, {all[0], all[1], all[2]}};
  const DType types[] = {DType::kU8, DType::kU8};
  const int dresidual = arena_.reserve(pictures, model.activation_dtype());
  if (ctx.device() == Device::kCpu)
    for (int i = 0; i < 2; ++i) on_cpu_[i] = arena_.reserve(shapes[i], types[i]);
  arena_.allocate(ctx.device());
  dresidual_ = arena_.tensor(dresidual);
  figures_.allocate();
  ctx.reserve_workspace(hole_loss_workspace_bytes(ctx, pictures));
  if (ctx.device() == Device::kCpu) return;
  if (is_trained(model))
    weight_gradients_.reserve_workspace([&](const Context& beside) {
      const auto bytes = [&](const Network& network) {
        return network.weight_gradient_workspace_bytes(beside, network.in_shape(batch_size),
                                                       model.activation_dtype());
      };
      return std::max(bytes(model.generator), adversary_ ? bytes(model.discriminator) : 0);
    });
  input_ = std::make_unique<InputBuffer>(ctx, shapes, types);
}

Tensor HarmonicStep::loaded(int array) const {
  return input_ == nullptr ? arena_.tensor(on_cpu_[array]) : input_->tensor(input_->place(), array);
}

void HarmonicStep::load(const Batch& batch) {
  filled_ = kNone;
  loaded_ = batch.pictures.shape[0];
  const Tensor host[] = {batch.pictures, batch.holes.mask};
  if (input_ != nullptr) return input_->put(ctx_, host);
  for (int i = 0; i < 2; ++i) upload(ctx_, host[i], first_of(loaded(i), loaded_));
}

void HarmonicStep::fill(int m) {
  if (filled_ == m) return;
  copy_on_device(ctx_, part_of(loaded(0), m * pictures(), pictures()), painter_.images());
  copy_on_device(ctx_, part_of(loaded(1), m * pictures(), pictures()), painter_.mask());
  painter_.fill(ctx_);
  filled_ = m;
}

// The painted pictures of a micro-batch and the loss of the first of them; dresidual gets its gradient unless
// it is null.
void HarmonicStep::paint(const Parameters& params, int m, int64_t pictures, const Tensor* dresidual) {
  fill(m);
  painter_.paint(ctx_, params);
  const double share = 1.0 / micro_batches_;  // of the mean over the batch
  hole_loss(ctx_, first_of(painter_.painted(), pictures), first_of(painter_.images(), pictures),
            first_of(painter_.mask(), pictures), {share, share}, figures_.tensor(l1_ + m),
            figures_.tensor(rms_ + m), dresidual, GradMode::kOverwrite);
}

void HarmonicStep::set_adversarial_ratio(double ratio) {
  if (adversary_) adversary_->set_ratio(ratio);
}

// Waits for the figures of the last step, and takes from them what the next one needs.
void HarmonicStep::settle() {
  figures_.wait();
  if (adversary_) adversary_->settle();
}

// Each phase has its own optimizer, and the whole of a cosine.
void HarmonicStep::turn_to_phase(double progress) {
  const double begin = adversary_ ? 1 - options_.texture_share : 1;
  is_adversarial_ = adversary_ && progress >= begin;
  const LearnerOptions first = learner_options(options_);
  if (!is_adversarial_) {
    generator_.follow(first.adam, first.schedule);
    generator_.upload_rates(ctx_, adversary_ ? progress / begin : progress);
    return;
  }
  const double of_phase = (progress - begin) / options_.texture_share;
  generator_.follow(Adversary::kPainterAdam, {.last = options_.last_rate});
  generator_.upload_rates(ctx_, of_phase);
  adversary_->learner().upload_rates(ctx_, of_phase);
  adversary_->upload_scale();
}

void HarmonicStep::train(double progress) {
  judged_ = micro_batches_ * pictures();
  INPAINT_CHECK(loaded_ == judged_, "{} pictures to train on, {} loaded", judged_, loaded_);
  settle();  // nothing to wait for after losses(); the host's rates and figures are used again
  turn_to_phase(progress);
  if (input_ == nullptr) {
    record();
  } else {
    filled_ = kNone;  // as at every replay
    recordings_[is_adversarial_ ? 1 : 0][input_->place()].run(ctx_, [this] { record(); });
    filled_ = micro_batches_ - 1;
  }
  ++generator_.updates;
  if (is_adversarial_) adversary_->note_step();
  figures_.read_back();
  if (ranks_ != nullptr) ranks_->meet();
}

// The part of a step that is recorded as one CUDA graph. It may read device memory only: a replay does not
// see host variables.
void HarmonicStep::record() {
  if (is_adversarial_) {
    for (int m = 0; m < micro_batches_; ++m) {
      show_adversary(m);
      adversary_->judge(m);
    }
    adversary_->update();
  }
  const FusedAdam update = generator_.update(0, nullptr);
  for (int m = 0; m < micro_batches_; ++m) {
    if (!is_adversarial_) {
      paint(model_.generator_params, m, pictures(), &dresidual_);
    } else {
      if (micro_batches_ > 1) show_adversary(m);  // else all of it is there
      adversary_->add_gradient(m, painter_.mask(), dresidual_);
    }
    BackwardWatcher* watcher = m + 1 == micro_batches_ ? generator_.watcher() : nullptr;
    model_.generator.backward(ctx_, model_.generator_params, dresidual_, nullptr,
                              {ParameterGrads::sum_from(m), nullptr, &weight_gradients_, watcher},
                              painter_.pass());
  }
  if (is_adversarial_) adversary_->complete();
  generator_.apply(ctx_, update, 0);
}

// Paints a micro-batch, with its loss and gradient, and shows it to the adversary.
void HarmonicStep::show_adversary(int m) {
  paint(model_.generator_params, m, pictures(), &dresidual_);
  adversary_->look_at(painter_.images(), painter_.mask(), painter_.painted());
}

Losses HarmonicStep::watch(Statistics statistics, int64_t pictures) {
  const bool averaged = statistics == Statistics::kRunning;
  if (averaged) model_.generator_averages->refresh_copy(ctx_);
  INPAINT_CHECK(pictures <= loaded_, "{} pictures to watch, {} loaded", pictures, loaded_);
  settle();
  is_adversarial_ = adversary_ && adversary_->has_begun();
  if (is_adversarial_) adversary_->upload_scale();
  const int64_t most = this->pictures();
  for (int m = 0; m * most < pictures; ++m) {
    const int64_t count = std::min(most, pictures - m * most);
    paint(averaged ? *model_.generator_averages : model_.generator_params, m, count, nullptr);
    if (!is_adversarial_) continue;
    adversary_->look_at(painter_.images(), painter_.mask(), painter_.painted());
    adversary_->watch(m, count);
  }
  judged_ = pictures;
  figures_.read_back();
  return losses();
}

void HarmonicStep::watch_gradients() {
  const double share = 1.0 / micro_batches_;  // of the mean over the batch
  // The terms l1 and rms; and for adv a gradient of zeros, to which it is added.
  const HoleLossWeights alone[] = {{.l1 = share, .rms = 0}, {.l1 = 0, .rms = share}, {.l1 = 0, .rms = 0}};
  const size_t terms = is_adversarial_ ? 3 : 2;
  for (int m = micro_batches_; m-- > 0;) {  // watch() has left the last one painted
    if (m + 1 < micro_batches_) paint(model_.generator_params, m, pictures(), nullptr);
    for (size_t term = 0; term < terms; ++term) {
      hole_loss(ctx_, painter_.painted(), painter_.images(), painter_.mask(), alone[term],
                figures_.tensor(l1_ + m), figures_.tensor(rms_ + m), &dresidual_, GradMode::kOverwrite);
      if (term == 2) {
        adversary_->look_at(painter_.images(), painter_.mask(), painter_.painted());
        adversary_->gradient_alone(m, painter_.mask(), dresidual_);
      }
      shares_.take(ctx_, term, m, dresidual_);
    }
  }
  shares_.complete();
  figures_.read_back();
  if (ranks_ != nullptr) ranks_->meet();
  figures_.wait();
}

GradientFigures HarmonicStep::gradients() const {
  return {.generator_norm = generator_.gradient_norm(), .loss_shares = shares_.values()};
}

void HarmonicStep::write_inpainted(const Tensor& inpainted) const {
  copy_on_device(ctx_, painter_.painted(), inpainted);
}

bool HarmonicStep::write_harmonic(const Tensor& filled) const {
  copy_on_device(ctx_, painter_.filled(), filled);
  return true;
}

Losses HarmonicStep::losses() {
  settle();
  Losses losses{.is_adversarial = false};
  losses.rec_loss = losses.gene_loss_ori =
      figures_.mean(l1_, judged_, pictures()) + figures_.mean(rms_, judged_, pictures());
  if (is_adversarial_) adversary_->add_losses(judged_, losses);
  return losses;
}

bool HarmonicStep::is_finite(const Losses& losses) const {
  const bool adversary =
      !losses.is_adversarial || (std::isfinite(losses.adv_gene_loss) && std::isfinite(losses.adv_disc_loss) &&
                                 adversary_->learner().is_finite());
  return adversary && std::isfinite(losses.rec_loss) && generator_.is_finite();
}

bool HarmonicStep::is_state_finite() const {
  return generator_.is_state_finite(ctx_) && (!adversary_ || adversary_->learner().is_state_finite(ctx_));
}

int64_t HarmonicStep::bytes() const {
  return painter_.bytes() + arena_.planned_bytes() + figures_.bytes() +
         (adversary_ ? adversary_->bytes() : 0);
}

int64_t HarmonicStep::product_flop() const {
  return plan(model_.generator, model_.discriminator, model_.activation_dtype(), pictures(), micro_batches_)
      .product_flop;
}

// Backward needs as many products for the inputs' gradients and as many for the weights' as forward; the
// first layer's input has no gradient.
StepPlan HarmonicStep::plan(const Network& generator, const Network& discriminator, DType activation,
                            int64_t batch_size, int micro_batches) {
  const Shape x = generator.in_shape(batch_size), pictures = pictures_of(generator, batch_size);
  const int64_t loaded = micro_batches * (pictures.elements() + pictures.elements() / pictures.back());
  const int64_t forward = generator.product_flop(x),
                flop = 3 * forward - generator.nodes().front().layer->product_flop(x);
  StepPlan plan{
      .bytes = ResidualPainter::planned_bytes(generator, pictures, activation, Pass::Keep::kForBackward) +
               pictures.elements() * size_of(activation) + loaded,
      .product_flop = micro_batches * flop};
  if (discriminator.nodes().empty()) return plan;
  plan.bytes += Adversary::planned_bytes(discriminator, activation, batch_size);
  const int64_t again = micro_batches > 1 ? forward : 0;  // the pictures are painted once more
  plan.adversarial_flop = micro_batches * (flop + again + Adversary::product_flop(discriminator, batch_size));
  return plan;
}

}  // namespace inpaint
