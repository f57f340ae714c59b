// A network in training: its parameters, its optimizer, and how many updates it has had.
//
// To the loss comes the weight decay: weight_decay_rate * mean over the network's weight tensors of
// (sum of squares / 2).
#pragma once

#include <memory>

#include "nn/gradient_norm.h"
#include "nn/network.h"
#include "train/learner/device_figures.h"
#include "train/learner/fused_adam.h"
#include "train/learner/gradient_exchange.h"
#include "train/learner/rate_schedule.h"

namespace inpaint {

struct LearnerOptions {
  AdamOptions adam = {};  // the weight decay follows from weight_decay_rate
  int updates_per_step = 1;
  double weight_decay_rate = 1e-5;
  RateSchedule schedule = {};
  bool adaptive_clip = false;
  double average_decay = 0;  // of the moving average of the parameters; 0: there is none
  Ranks* ranks = nullptr;    // who train this network together, see StepOptions
};

class Learner {
 public:
  // Plans the workspace of ctx, and adds its figures. params, figures and averages (of the same spec; null
  // without average_decay) must outlive this object.
  Learner(Context& ctx, const Network& network, const Parameters& params, const LearnerOptions& options,
          int64_t batch, DeviceFigures& figures, const Parameters* averages = nullptr);

  double learning_rate() const { return learning_rate_; }  // of the last update

  int64_t updates = 0;  // so many this network has had: Adam's step count, part of a checkpoint

  // The running mean of the gradient's norm, which the adaptive clip compares with: part of a checkpoint. As
  // it was when figures were last read; 0 before the first update, and without a clip.
  double clip_mean() const;
  void set_clip_mean(double mean);

  // From the next upload_rates() on, updates with this optimizer and these rates. The weight decay, the
  // moments, the clip and the average go on; so does the number of updates.
  void follow(const AdamOptions& adam, const RateSchedule& schedule);

  // The rates of the updates of the step to come; they are the only values of a step that change, so they
  // live on the device and a recorded step can be replayed. progress: training_step.h.
  void upload_rates(const Context& ctx, double progress);

  // The norm of the gradient, before any clip: of the last update with an adaptive clip, or of the last
  // measure(); as the figures were last read. 0 before either.
  double gradient_norm() const;

  // Behind a backward with this sink and the watcher, which no update follows: measure() finds the norm of
  // its gradients.
  GradientNorm norm_sink() const;
  void measure(const Context& ctx, const GradientNorm& sink) const;

  // Takes the means over several ranks: pass it to the backward that makes the gradients complete, that of
  // the last micro-batch. Else null.
  BackwardWatcher* watcher() const { return exchange_.get(); }

  // The update number `i` of a step. Pass it to backward, then call apply. branch: see FusedAdam.
  FusedAdam update(int i, Branch* branch) const;
  void apply(const Context& ctx, const FusedAdam& update, int i) const;

  // The weight decay's term of the loss at the last update whose figures were read.
  double decay_loss() const;

  // The sentinel, of figures that were read: false when a parameter (a weight: before its last update) is
  // not finite.
  bool is_finite() const;

  // The same for parameters, moments and running averages as they are now, to the last value. Waits.
  bool is_state_finite(const Context& ctx) const;

 private:
  const Parameters& params_;
  const Parameters* averages_;
  std::unique_ptr<GradientExchange> exchange_;  // null: one process
  LearnerOptions options_;
  DeviceFigures& figures_;
  double learning_rate_;
  int half_squares_, others_, checked_;            // places: of each piece; sums of squares
  int gradient_squares_, clip_mean_, clip_scale_;  // places: GradientNorm's; of the adaptive clip
  Buffer device_memory_, host_memory_;
  Tensor rates_, host_rates_;  // Adam's for the updates of a step, then the average's likewise
};

}  // namespace inpaint
