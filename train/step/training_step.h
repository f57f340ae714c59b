// One training step of a model on one batch. Each kind of model has a step of its own: gan_step.h,
// harmonic_step.h.
//
// A batch is StepOptions::micro_batches micro-batches of N pictures each, one behind the other. The passes
// hold one micro-batch at a time, and their gradients are summed: every update is made from the whole batch.
#pragma once

#include <memory>

#include "nn/layer.h"
#include "train/holes/holes.h"
#include "train/learner/learner.h"
#include "train/model/model.h"
#include "train/step/figures.h"
#include "train/step/step_options.h"

namespace inpaint {

class TrainingStep {
 public:
  TrainingStep() = default;
  virtual ~TrainingStep() = default;
  TrainingStep(const TrainingStep&) = delete;
  TrainingStep& operator=(const TrainingStep&) = delete;

  // Takes a batch of the host's, whose holes lie inside; to watch, fewer micro-batches will do. Its bytes are
  // free after; but a GPU reads page-locked memory until the next load returns.
  virtual void load(const Batch& batch) = 0;

  // Trains on the loaded batch, which is whole. progress: the share of the planned run that is done, from 0
  // to 1, which a schedule of the learning rate follows. On a GPU the work is enqueued and the call returns;
  // losses() waits for it, and so does the next train().
  virtual void train(double progress) = 0;

  // The losses of the last train(), as they were before its last update, or those of the last watch().
  virtual Losses losses() = 0;

  // Losses of the first `pictures` of the loaded batch, changing no state: as in training (a summary, which
  // all ranks make together), or as in use, with running averages (a sample, validation).
  virtual Losses watch(Statistics statistics, int64_t pictures) = 0;

  // What drives the networks at the batch that watch(Statistics::kBatch) has just seen all of, changing no
  // state: the shares of the losses (loss_shares.h), and the norms that train() does not compute itself.
  // Costs about an update of each network, and waits. gradients() has the figures after the next train().
  virtual void watch_gradients() = 0;
  virtual GradientFigures gradients() const = 0;

  // The pictures of the micro-batch that was last trained on or watched, with the painted holes, in [-1, 1];
  // inpainted [N, S, S, C] of picture_type(), in the device's memory.
  virtual DType picture_type() const = 0;
  virtual void write_inpainted(const Tensor& inpainted) const = 0;
  // Likewise what the harmonic fill alone paints; false where the model does not start from it.
  virtual bool write_harmonic(const Tensor& /*filled*/) const { return false; }

  // Where the holes are squares that were cut out: what they hid, and what was painted for them,
  // [N, H, H, C] in [-1, 1], in the device's memory. Empty for other holes.
  virtual Tensor hidden_images() const { return {}; }
  virtual Tensor fake_images() const { return {}; }

  // The networks in training. Their figures are those of the last train() that losses() has waited for.
  // There may be no discriminator: null.
  virtual Learner& generator() = 0;
  virtual Learner* discriminator() = 0;
  // The scores of the last pass, one or more for each picture, in the device's memory; empty where there is
  // no discriminator, or no adversarial phase yet.
  virtual Tensor real_scores() const { return {}; }
  virtual Tensor fake_scores() const { return {}; }
  virtual double adversarial_share() const { return 0; }  // objective.h

  // What an adversarial phase has learnt of the strengths of both gradients (adversary.h): part of a
  // checkpoint. 0 where there is no such phase, or not yet.
  virtual double adversarial_ratio() const { return 0; }
  virtual void set_adversarial_ratio(double /*ratio*/) {}

  // The sentinel, of figures that are read with the losses (those of the last train()): false when one of
  // them, or a parameter of a network (a weight: before its last update), is not finite. A weight that is
  // lost in the very last update shows in the next train().
  virtual bool is_finite(const Losses& losses) const = 0;

  // The same of the whole state, to the last value of parameters, moments and running averages. Reads them
  // all once and waits: for the end of an epoch.
  virtual bool is_state_finite() const = 0;

  virtual int64_t bytes() const = 0;         // of all passes
  virtual int64_t product_flop() const = 0;  // of the matrix products of one step
};

// `count` pictures of a tensor [N, ...], or what belongs to them: the first, or those from `begin` on.
Tensor first_of(const Tensor& tensor, int64_t count);
Tensor part_of(const Tensor& tensor, int64_t begin, int64_t count);
Batch first_of(const Batch& batch, int64_t count);

// The step of this kind of model. batch_size: the pictures N of a micro-batch, which the memory of the passes
// is for; a model made for inference can only be watched, in less memory. Several micro-batches need a model
// that stores all its gradients (HandedOver::kStored). model and ctx must outlive the step.
std::unique_ptr<TrainingStep> make_training_step(Context& ctx, Model& model, int64_t batch_size,
                                                 const StepOptions& options);

// What bytes() and product_flop() of such a step would be; allocates nothing. `generator` and `discriminator`
// are those of the model.
struct StepPlan {
  int64_t bytes, product_flop;
  int64_t adversarial_flop = 0;  // the products of a step of the adversarial phase; 0: there is none
};
StepPlan plan_training_step(const ModelOptions& model, const Network& generator, const Network& discriminator,
                            DType activation, int64_t batch_size, const StepOptions& options);

}  // namespace inpaint
