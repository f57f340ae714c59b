// The adversary of a whole-picture model in its adversarial phase: a patch discriminator D in training
// (nn/networks/patch_discriminator.h), and what it adds to the gradient of the network that paints, G. With X
// the true pictures and Y the painted ones, each with its mask, and w = 1 for the patches that see the hole:
//
//   adv_disc_loss  mean over the pictures of (mean max(0, 1 - D(X)) + mean_w max(0, 1 + D(Y))) / 2
//   adv_gene_loss  mean over the pictures of -mean_w D(Y), plus 0.5 times the feature matching: the mean over
//                  D's three hidden activations phi of mean |phi(Y) - phi(X)|, where phi(X) is held constant
//   disc_acc       mean of two shares: of the patches of X, and of those of Y that see the hole, which have a
//                  score on the right side of 0
//
// mean_w is the mean over the patches with w = 1; a picture without such a patch adds 0. Each picture counts
// the same, as in the loss of the hole, so micro-batches and ranks sum to the whole batch.
//
// G's gradient. Let g_rec be the gradient of the loss of the hole at the painted pixels of the batch, g_adv
// that of adv_gene_loss, taken through D. G is trained with g_rec + s g_adv:
//
//   s = rho r        r <- 0.95 r + 0.05 |g_rec| / |g_adv|      the first r is the ratio itself
//
// so that the adversary pulls with rho times the strength of the reconstruction, whatever the pictures, and
// no weight has to be tuned. s of a step comes of the steps before it: the first one of the phase has s = 0.
//
// Sources: Lim and Ye 2017 (arXiv:1705.02894), the hinge; Wang et al. 2018 (arXiv:1711.11585), the matching.
#pragma once

#include <vector>

#include "core/device/branch.h"
#include "kernels/loss/hinge.h"
#include "nn/pass.h"
#include "train/learner/learner.h"
#include "train/model/model.h"
#include "train/step/figures.h"
#include "train/step/step_options.h"

namespace inpaint {

// The pictures behind the input of a network that takes a picture and its mask: G's, or D's.
Shape pictures_of(const Network& network, int64_t batch_size);

class Adversary {
 public:
  // The optimizers of the phase. G's rate falls with the phase, as RateSchedule says; D's is constant.
  static constexpr AdamOptions kPainterAdam{.learning_rate = 3e-4, .beta1 = 0.5, .beta2 = 0.99};
  static constexpr AdamOptions kDiscriminatorAdam{.learning_rate = 6e-4, .beta1 = 0, .beta2 = 0.99};
  static constexpr double kFeatureWeight = 0.5, kRatioDecay = 0.95;

  // batch_size: pictures of a micro-batch. Plans the workspace of ctx, and adds its figures. All must outlive
  // this object; weight_gradients as in ParameterGrads::beside.
  Adversary(Context& ctx, const Model& model, int64_t batch_size, const StepOptions& options,
            DeviceFigures& figures, Branch& weight_gradients);
  static int64_t planned_bytes(const Network& discriminator, DType activation, int64_t batch_size);
  // What a step of the phase computes on top, of a micro-batch.
  static int64_t product_flop(const Network& discriminator, int64_t batch_size);

  Learner& learner() { return learner_; }
  const Learner& learner() const { return learner_; }
  bool has_begun() const { return learner_.updates > 0; }  // the phase, once

  // r: part of a checkpoint; 0 before the first.
  double ratio() const { return ratio_; }
  void set_ratio(double ratio);

  // Before a step, or a look at a batch: s is uploaded, since a recorded step reads it from the device.
  void upload_scale();
  // Behind a step: D has had an update, and once the step's figures are read, settle() moves r.
  void note_step();
  void settle();

  // The calls below are about micro-batch number m, which look_at() has shown: its pictures u8 [N, S, S, C],
  // their mask u8 [N, S, S], and the painted pictures.
  void look_at(const Tensor& images, const Tensor& mask, const Tensor& painted);

  // D's gradients, after those of the micro-batches before; behind the last comes update().
  void judge(int m);
  void update();

  // Adds s g_adv to dresidual [N, S, S, C], which holds g_rec; behind the last micro-batch comes complete(),
  // which several ranks call together.
  void add_gradient(int m, const Tensor& mask, const Tensor& dresidual);
  void complete();

  // The losses of the first `pictures` alone, without gradients.
  void watch(int m, int64_t pictures);
  // s g_adv alone, where dresidual is 0; leaves the figures of the step as they are, but for the losses.
  void gradient_alone(int m, const Tensor& mask, const Tensor& dresidual);

  // The scores [N, S / 8, S / 8, 1] of the last passes, in the device's memory.
  Tensor true_scores() const { return true_pass_.output(); }
  Tensor painted_scores() const { return painted_pass_.output(); }

  // Adds what the figures say of the first `pictures` of the batch; rec_loss is there already.
  void add_losses(int64_t pictures, Losses& losses) const;

  int64_t bytes() const;

 private:
  struct Memory {
    Memory(const Network& discriminator, DType activation, int64_t batch_size);

    Arena arena;
    int truth, x_true, x_painted, dx, patches, dtrue, dpainted;
  };

  Tensor tensor(int id) const { return memory_.arena.tensor(id); }
  int64_t pictures() const { return true_pass_.batch(); }
  int add_figure() { return figures_.add(pictures() * micro_batches_); }
  void forward();
  void add_verdicts(int m, int64_t pictures, HingeSide side, double weight, bool gradients,
                    std::vector<Hinge>& list) const;
  void backward_to_pictures(int m);
  void match_feature(int m, size_t feature, int64_t pictures, const Tensor* gradient) const;

  Context& ctx_;
  const Network& network_;
  const Parameters& params_;
  Ranks* const ranks_;
  const double rho_;
  const int micro_batches_;
  DeviceFigures& figures_;
  Branch& weight_gradients_;
  Learner learner_;
  Pass true_pass_, painted_pass_;  // with memory of their own: features of both are compared
  const std::vector<Value> features_;
  Memory memory_;
  // Places of figures: of each picture of the batch; then of each micro-batch, by feature in features' case.
  int real_, fake_, praised_, right_true_, right_painted_, unused_;
  int patches_, matching_, reconstruction_squares_, adversarial_squares_;
  Buffer device_memory_, host_memory_;
  Tensor scale_, host_scale_;  // f64[1]
  double ratio_ = 0;
  bool is_ratio_due_ = false;
};

}  // namespace inpaint
