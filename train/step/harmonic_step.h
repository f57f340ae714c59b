// One training step of a whole-picture model: the hole is filled harmonically, the network paints a residual
// on top, and the loss is that of the hole's pixels (kernels/loss/hole_loss.h):
//
//   painted  = harmonic + residual          in the hole; known pixels are the picture's
//   rec_loss = mean over the pictures of (mean |d| + sqrt(mean d^2 + 1e-4))
//              d = painted - true, in the hole
//
// One update of Adam (0.9, 0.99) with an adaptive clip, from all micro-batches of the batch. The moving
// average of the parameters is what Statistics::kRunning paints with.
//
// With StepOptions::texture, the last texture_share of the planned run is the adversarial phase: a step
// updates the discriminator once, then the painter, whose gradient gets the adversary's part; losses,
// optimizers and the balance of both gradients are those of adversary.h. Each phase has a whole cosine of its
// own for the learning rate: the first ends where the second begins.
#pragma once

#include "core/device/input_buffer.h"
#include "core/device/recording.h"
#include "train/learner/device_figures.h"
#include "train/model/residual_painter.h"
#include "train/step/adversary.h"
#include "train/step/loss_shares.h"
#include "train/step/training_step.h"

namespace inpaint {

class HarmonicStep final : public TrainingStep {
 public:
  HarmonicStep(Context& ctx, Model& model, int64_t batch_size, const StepOptions& options);
  static StepPlan plan(const Network& generator, const Network& discriminator, DType activation,
                       int64_t batch_size, int micro_batches);

  void load(const Batch& batch) override;
  void train(double progress) override;
  Losses losses() override;
  Losses watch(Statistics statistics, int64_t pictures) override;

  // The terms are l1 and rms, the two summands of rec_loss, and with an adversary adv. The norm is that of
  // the update which the clip has looked at: of the last train().
  void watch_gradients() override;
  GradientFigures gradients() const override;

  DType picture_type() const override { return painter_.painted().dtype; }
  void write_inpainted(const Tensor& inpainted) const override;
  bool write_harmonic(const Tensor& filled) const override;

  Learner& generator() override { return generator_; }
  Learner* discriminator() override { return adversary_ ? &adversary_->learner() : nullptr; }
  Tensor real_scores() const override { return is_adversarial_ ? adversary_->true_scores() : Tensor{}; }
  Tensor fake_scores() const override { return is_adversarial_ ? adversary_->painted_scores() : Tensor{}; }
  double adversarial_ratio() const override { return adversary_ ? adversary_->ratio() : 0; }
  void set_adversarial_ratio(double ratio) override;

  bool is_finite(const Losses& losses) const override;
  bool is_state_finite() const override;

  int64_t bytes() const override;
  int64_t product_flop() const override;

 private:
  static constexpr int kNone = -1;

  int64_t pictures() const { return painter_.pass().batch(); }  // of a micro-batch
  Tensor loaded(int array) const;                               // of the whole batch: pictures, masks
  void fill(int m);
  void paint(const Parameters& params, int m, int64_t pictures, const Tensor* dresidual);
  void turn_to_phase(double progress);
  void record();
  void show_adversary(int m);
  void settle();

  Context& ctx_;
  Model& model_;
  Ranks* const ranks_;  // null: this process alone
  const StepOptions options_;
  const int micro_batches_;
  DeviceFigures figures_;
  int l1_, rms_;  // places of the figures, of the first micro-batch
  Branch weight_gradients_;
  Learner generator_;
  std::unique_ptr<Adversary> adversary_;  // null: no adversarial phase
  LossShares shares_;
  ResidualPainter painter_;
  Arena arena_;
  int on_cpu_[2] = {};  // places in the arena of the loaded pictures and masks
  Tensor dresidual_;
  std::unique_ptr<InputBuffer> input_;  // of a GPU
  // One for the batch in each place: in the first phase, and in the adversarial one.
  Recording recordings_[2][InputBuffer::kPlaces];
  bool is_adversarial_ = false;  // the phase of the last train()
  int64_t loaded_ = 0;           // pictures of the loaded batch
  int filled_ = kNone;           // the micro-batch of it that the painter holds
  int64_t judged_ = 0;           // pictures that the losses are of
};

}  // namespace inpaint
