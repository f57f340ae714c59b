// One training step of the GAN on one batch: disc_iter updates of the discriminator, then gene_iter updates
// of the generator, and the passes that only watch. The losses are those of objective.h. Each update goes
// through all micro-batches of the batch; batch norms normalise each of them alone, and move their running
// averages at each.
#pragma once

#include <deque>
#include <memory>

#include "core/device/branch.h"
#include "core/device/input_buffer.h"
#include "core/device/recording.h"
#include "train/learner/learner.h"
#include "train/model/model.h"
#include "train/step/cached_pass.h"
#include "train/step/loss_shares.h"
#include "train/step/objective.h"
#include "train/step/training_step.h"

namespace inpaint {

class GanStep final : public TrainingStep {
 public:
  static constexpr double kGradientClip = 10;

  GanStep(Context& ctx, Model& model, int64_t batch_size, const StepOptions& options);
  static StepPlan plan(const Network& generator, const Network& discriminator, DType activation,
                       int64_t batch_size, const StepOptions& options);

  // The holes are squares of half the side.
  void load(const Batch& batch) override;
  void train(double progress = 0) override;
  // Those of the last generator update (of the last discriminator update where gene_iter is 0).
  Losses losses() override;
  Losses watch(Statistics statistics, int64_t pictures) override;

  // As the first update of each network would find them. The terms are rec, adv and tv.
  void watch_gradients() override;
  GradientFigures gradients() const override;

  DType picture_type() const override { return model_.activation_dtype(); }
  void write_inpainted(const Tensor& inpainted) const override;

  // What the last pass left: views of the device's memory that stay valid until the next: painted holes
  // [N, H, H, C], logits [N, 1].
  Tensor fake_images() const override { return generator_pass_.get().output(); }
  Tensor real_scores() const override { return real_pass().get().output(); }
  Tensor fake_scores() const override { return fake_pass_.output(); }
  // What belongs to the micro-batch that was last trained on or watched.
  Tensor masked_images() const { return of_micro_batch(arena_.tensor(memory_.masked)); }
  Tensor hidden_images() const override { return of_micro_batch(arena_.tensor(memory_.hidden)); }

  Learner& generator() override { return generator_; }
  Learner* discriminator() override { return &discriminator_; }
  double adversarial_share() const override { return objective_.adversarial_share(); }

  bool is_finite(const Losses& losses) const override;
  bool is_state_finite() const override;

  int64_t bytes() const override;
  int64_t product_flop() const override;  // step_product_flop of this step

 private:
  // Places in the arena.
  struct Memory {
    int masked, hidden, dfake, dscore, offsets;
  };

  int64_t pictures() const { return fake_pass_.batch(); }  // of a micro-batch
  Tensor of_micro_batch(const Tensor& batch) const {
    return part_of(batch, micro_batch_ * pictures(), pictures());
  }
  CachedPass& real_pass() { return real_passes_[static_cast<size_t>(micro_batch_)]; }
  const CachedPass& real_pass() const { return real_passes_[static_cast<size_t>(micro_batch_)]; }

  void cut_holes(const Tensor& pictures);
  void cut_holes();
  Tensor offsets() const;  // of the loaded batch's holes
  void record();
  void expire_passes();
  void expire_real_passes();
  void turn_to(int micro_batch);
  void forward_generator(Statistics statistics);
  void forward_real(Statistics statistics);
  void forward_fake(Statistics statistics);
  void update_discriminator(int i);
  void update_generator(int i);
  void mean_running_averages();
  void meet();

  Context& ctx_;
  Model& model_;
  StepOptions options_;
  DeviceFigures figures_;
  Objective objective_;
  Learner generator_, discriminator_;
  LossShares shares_;
  CachedPass generator_pass_;
  std::deque<CachedPass> real_passes_;  // of each micro-batch, in one memory: their outputs stay
  Pass fake_pass_;
  Arena arena_;
  Memory memory_;
  Branch updates_, weight_gradients_;           // of the generator's large weights; of convolutions
  std::unique_ptr<InputBuffer> input_;          // of a GPU
  Recording recordings_[InputBuffer::kPlaces];  // of a step on the batch in this place
  int64_t loaded_ = 0;                          // pictures of the loaded batch
  bool holes_cut_ = false;                      // of them
  int micro_batch_ = 0;                         // the number of the one that passes are of
  int64_t judged_ = 0;                          // pictures that the losses are of
};

}  // namespace inpaint
