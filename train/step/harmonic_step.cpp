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
  LearnerOptions options{.weight_decay_rate = 0,
                         .schedule = {.warm_up = step.warm_up, .last = step.last_rate},
                         .adaptive_clip = true,
                         .average_decay = step.average_decay,
                         .ranks = step.ranks};
  options.adam.learning_rate = step.learning_rate;
  options.adam.beta1 = 0.9;
  options.adam.beta2 = 0.99;
  return options;
}

Shape pictures_of(const Network& generator, int64_t batch_size) {
  const Shape x = generator.in_shape(batch_size);
  return {x[0], x[1], x[2], x[3] - 1};
}

}  // namespace

HarmonicStep::HarmonicStep(Context& ctx, Model& model, int64_t batch_size, const StepOptions& options)
    : ctx_(ctx),
      model_(model),
      ranks_(options.ranks),
      micro_batches_(options.micro_batches),
      figures_(ctx),
      l1_(figures_.add(options.micro_batches)),
      rms_(figures_.add(options.micro_batches)),
      generator_(ctx, model.generator, model.generator_params, learner_options(options), batch_size, figures_,
                 &*model.generator_averages),
      shares_(ctx, {"l1", "rms"}, pictures_of(model.generator, batch_size).elements(), micro_batches_,
              options.ranks, figures_),
      painter_(ctx, model.generator, pictures_of(model.generator, batch_size), model.activation_dtype(),
               is_trained(model) ? Pass::Keep::kForBackward : Pass::Keep::kOutputOnly),
      weight_gradients_(ctx, Urgency::kNormal) {
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
      return model.generator.weight_gradient_workspace_bytes(beside, model.generator.in_shape(batch_size),
                                                             model.activation_dtype());
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

void HarmonicStep::train(double progress) {
  judged_ = micro_batches_ * pictures();
  INPAINT_CHECK(loaded_ == judged_, "{} pictures to train on, {} loaded", judged_, loaded_);
  figures_.wait();  // nothing to wait for after losses(); the host's rates and figures are used again
  generator_.upload_rates(ctx_, progress);
  if (input_ == nullptr) {
    record();
  } else {
    filled_ = kNone;  // as at every replay
    recordings_[input_->place()].run(ctx_, [this] { record(); });
    filled_ = micro_batches_ - 1;
  }
  ++generator_.updates;
  figures_.read_back();
  if (ranks_ != nullptr) ranks_->meet();
}

// The part of a step that is recorded as one CUDA graph. It may read device memory only: a replay does not
// see host variables.
void HarmonicStep::record() {
  FusedAdam update = generator_.update(0, nullptr);
  for (int m = 0; m < micro_batches_; ++m) {
    paint(model_.generator_params, m, pictures(), &dresidual_);
    BackwardWatcher* watcher = m + 1 == micro_batches_ ? generator_.watcher() : nullptr;
    model_.generator.backward(ctx_, model_.generator_params, dresidual_, nullptr,
                              {ParameterGrads::sum_from(m), nullptr, &weight_gradients_, watcher},
                              painter_.pass());
  }
  generator_.apply(ctx_, update, 0);
}

Losses HarmonicStep::watch(Statistics statistics, int64_t pictures) {
  const bool averaged = statistics == Statistics::kRunning;
  if (averaged) model_.generator_averages->refresh_copy(ctx_);
  INPAINT_CHECK(pictures <= loaded_, "{} pictures to watch, {} loaded", pictures, loaded_);
  const int64_t most = this->pictures();
  for (int m = 0; m * most < pictures; ++m)
    paint(averaged ? *model_.generator_averages : model_.generator_params, m,
          std::min(most, pictures - m * most), nullptr);
  judged_ = pictures;
  figures_.read_back();
  return losses();
}

void HarmonicStep::watch_gradients() {
  const double share = 1.0 / micro_batches_;  // of the mean over the batch
  const HoleLossWeights alone[] = {{.l1 = share, .rms = 0}, {.l1 = 0, .rms = share}};
  for (int m = micro_batches_; m-- > 0;) {  // watch() has left the last one painted
    if (m + 1 < micro_batches_) paint(model_.generator_params, m, pictures(), nullptr);
    for (size_t term = 0; term < std::size(alone); ++term) {
      hole_loss(ctx_, painter_.painted(), painter_.images(), painter_.mask(), alone[term],
                figures_.tensor(l1_ + m), figures_.tensor(rms_ + m), &dresidual_, GradMode::kOverwrite);
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
  figures_.wait();
  Losses losses{.is_adversarial = false};
  losses.rec_loss = losses.gene_loss_ori =
      figures_.mean(l1_, judged_, pictures()) + figures_.mean(rms_, judged_, pictures());
  return losses;
}

bool HarmonicStep::is_finite(const Losses& losses) const {
  return std::isfinite(losses.rec_loss) && generator_.is_finite();
}

bool HarmonicStep::is_state_finite() const { return generator_.is_state_finite(ctx_); }

int64_t HarmonicStep::bytes() const { return painter_.bytes() + arena_.planned_bytes() + figures_.bytes(); }

int64_t HarmonicStep::product_flop() const {
  return plan(model_.generator, model_.activation_dtype(), pictures(), micro_batches_).product_flop;
}

// Backward needs as many products for the inputs' gradients and as many for the weights' as forward; the
// first layer's input has no gradient.
StepPlan HarmonicStep::plan(const Network& generator, DType activation, int64_t batch_size,
                            int micro_batches) {
  const Shape x = generator.in_shape(batch_size), pictures = pictures_of(generator, batch_size);
  const int64_t loaded = micro_batches * (pictures.elements() + pictures.elements() / pictures.back());
  const int64_t flop = 3 * generator.product_flop(x) - generator.nodes().front().layer->product_flop(x);
  return {.bytes = ResidualPainter::planned_bytes(generator, pictures, activation, Pass::Keep::kForBackward) +
                   pictures.elements() * size_of(activation) + loaded,
          .product_flop = micro_batches * flop};
}

}  // namespace inpaint
