// A network in training: its parameters, its optimizer, and how many updates it has had.
//
// To the loss comes the weight decay: kWeightDecayRate * mean over the network's weight tensors of
// (sum of squares / 2).
#pragma once

#include "nn/network.h"
#include "train/step/device_figures.h"
#include "train/step/fused_adam.h"

namespace inpaint {

class Learner {
 public:
  static constexpr double kWeightDecayRate = 1e-5;

  // options: the weight decay is set here. Plans the workspace of ctx, and adds its figures. params and
  // figures must outlive this object.
  Learner(Context& ctx, const Network& network, const Parameters& params, const AdamOptions& options,
          int updates_per_step, int64_t batch, DeviceFigures& figures);

  double learning_rate() const { return options_.learning_rate; }

  int64_t updates = 0;  // so many this network has had: Adam's step count, part of a checkpoint

  // Adam's rates of the updates of the step to come; they are the only values of a step that change, so they
  // live on the device and a recorded step can be replayed.
  void upload_rates(const Context& ctx);

  // The update number `i` of a step. Pass it to backward, then call apply. branch: see FusedAdam.
  FusedAdam update(int i, Branch* branch) const;
  void apply(const Context& ctx, const FusedAdam& update) const;

  // The weight decay's term of the loss at the last update whose figures were read.
  double decay_loss() const;

  // The sentinel, of figures that were read: false when a parameter (a weight: before its last update) is
  // not finite.
  bool is_finite() const;

  // The same for parameters, moments and running averages as they are now, to the last value. Waits.
  bool is_state_finite(const Context& ctx) const;

 private:
  const Parameters& params_;
  AdamOptions options_;
  int updates_per_step_;
  DeviceFigures& figures_;
  int half_squares_, others_, checked_;  // places: of each piece; sums of squares
  Buffer device_memory_, host_memory_;
  Tensor rates_, host_rates_;  // of the updates of a step
};

}  // namespace inpaint
