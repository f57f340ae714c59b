// What the two networks are trained for: the terms of both losses with their weights and gradients.
//
// With H the hidden image and F the fake image of a batch of N, all its micro-batches together:
//   rec_loss       mean (H - F)^2, or mean |H - F|
//   adv_gene_loss  mean cross-entropy of D(F) against 1; with hinge losses, mean -D(F)
//   tv_loss        total variation of F, mean over the batch
//   gene_loss_ori  lamb_adv adv_gene_loss + lamb_rec rec_loss + lamb_tv tv_loss
//   adv_disc_loss  mean cross-entropy over the 2N scores D(H) against 1 and D(F) against 0; with hinge
//                  losses, mean over them of max(0, 1 - D(H)) and max(0, 1 + D(F))
//   disc_loss_ori  lamb_adv adv_disc_loss
//   disc_acc       share of the 2N scores on the right side
#pragma once

#include <span>

#include "kernels/loss/hinge.h"
#include "train/learner/device_figures.h"
#include "train/step/figures.h"
#include "train/step/step_options.h"

namespace inpaint {

class Objective {
 public:
  // hidden: the shape of H in a micro-batch. Plans the workspace of ctx, and adds its figures, which must
  // outlive this object. The calls below are about micro-batch number m: its losses have places of their own,
  // and its gradients are those of the mean over the whole batch.
  Objective(Context& ctx, const StepOptions& options, const Shape& hidden, DeviceFigures& figures);

  // The discriminator's loss on one half of its scores [N, 1]; the gradient into dscore.
  void judge_real(const Context& ctx, int m, const Tensor& real_scores, const Tensor& dscore) const;
  void judge_fake(const Context& ctx, int m, const Tensor& fake_scores, const Tensor& dscore) const;

  // The discriminator's loss and accuracy without gradients, and the generator's adversarial loss, with its
  // gradient unless dscore is empty.
  void judge(const Context& ctx, int m, const Tensor& real_scores, const Tensor& fake_scores,
             const Tensor& dscore) const;

  // The losses of the fake image. dfake holds the adversarial loss's gradient, and the others are added to
  // it; null: no gradients.
  void paint(const Context& ctx, int m, const Tensor& fake, const Tensor& hidden, const Tensor* dfake) const;

  // The gradient of one term alone, with its weight, at a micro-batch's fake image, into dfake. (The
  // adversarial one's comes out of the discriminator.)
  void reconstruction_gradient(const Context& ctx, const Tensor& fake, const Tensor& hidden,
                               const Tensor& dfake) const;
  void variation_gradient(const Context& ctx, const Tensor& fake, const Tensor& dfake) const;

  // The losses, from the figures that were read; the first `pictures` of the batch were judged.
  Losses losses(int64_t pictures) const;

  // The adversarial loss's part in what drove the fake image at the last generator update: the norm of its
  // gradient over the norm of the whole gradient (0: the discriminator has no say; 0 before any update).
  double adversarial_share() const;

 private:
  using Side = HingeSide;
  struct Verdict {
    Tensor scores;
    Side side;
    double weight;
    int loss, correct;  // places, of the first micro-batch
    Tensor dscore;
  };
  void judge(const Context& ctx, int m, std::span<const Verdict> verdicts) const;
  int add_figure() { return figures_.add(options_.micro_batches); }

  StepOptions options_;
  int64_t pictures_;  // of a micro-batch
  DeviceFigures& figures_;
  int rec_, tv_, gene_, real_, fake_, correct_real_, correct_fake_, unused_;
  int adversarial_squares_, image_squares_;  // sums of squares of dfake: the adversarial part, and all
};

}  // namespace inpaint
