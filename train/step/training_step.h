// One training step of the GAN on one batch: disc_iter updates of the discriminator, then gene_iter updates
// of the generator, and the passes that only watch. The losses are those of objective.h.
#pragma once

#include <memory>

#include "core/device/branch.h"
#include "core/device/input_buffer.h"
#include "core/device/recording.h"
#include "train/step/cached_pass.h"
#include "train/step/learner.h"
#include "train/step/model.h"
#include "train/step/objective.h"

namespace inpaint {

class TrainingStep {
 public:
  static constexpr double kGradientClip = 10;

  // Allocates the passes for this batch size; a model made for inference can only be watched, in less memory.
  // model and ctx must outlive this object.
  TrainingStep(Context& ctx, Model& model, int64_t batch_size, const StepOptions& options);

  // Takes a batch of the host's: bytes u8 [N, S, S, C] and hole offsets i32 [N, 2], whose holes lie inside.
  // Both are free after; but a GPU reads page-locked memory until the next load returns.
  void load(const Tensor& images, const Tensor& offsets);

  // Trains on the loaded batch. On a GPU the work is enqueued and the call returns; losses() waits for it,
  // and so does the next train().
  void train();

  // The losses of the last train(): those of the last generator update before it was applied (of the last
  // discriminator update where gene_iter is 0), or those of the last watch().
  Losses losses();

  // Losses of the loaded batch, changing no state: with batch statistics as in training (a summary), or with
  // the running averages (a sample, validation).
  Losses watch(Statistics statistics);

  // What the last pass left: views of the device's memory that stay valid until the next: painted holes
  // [N, H, H, C], logits [N, 1].
  Tensor fake_images() const { return generator_pass_.get().output(); }
  Tensor real_scores() const { return real_pass_.get().output(); }
  Tensor fake_scores() const { return fake_pass_.output(); }
  // What belongs to the batch that was last trained on or watched.
  Tensor masked_images() const { return arena_.tensor(memory_.masked); }
  Tensor hidden_images() const { return arena_.tensor(memory_.hidden); }

  // The networks in training. Their figures are those of the last train() that losses() has waited for.
  Learner& generator() { return generator_; }
  Learner& discriminator() { return discriminator_; }
  const Learner& generator() const { return generator_; }
  const Learner& discriminator() const { return discriminator_; }

  // The sentinel, of figures that are read with the losses (those of the last train()): false when one of
  // them, or a parameter of either network (a weight: before its last update), is not finite. A weight that
  // is lost in the very last update shows in the next train().
  bool is_finite(const Losses& losses) const;

  // The same of the whole state, to the last value of parameters, moments and running averages. Reads them
  // all once and waits: for the end of an epoch.
  bool is_state_finite() const;

  double adversarial_share() const { return objective_.adversarial_share(); }  // objective.h

  int64_t bytes() const;         // of all passes
  int64_t product_flop() const;  // step_product_flop of this step

 private:
  // Places in the arena.
  struct Memory {
    int masked, hidden, dfake, dscore;
  };

  void cut_holes();
  void record();
  void expire_passes();
  void forward_generator(Statistics statistics);
  void forward_real(Statistics statistics);
  void forward_fake(Statistics statistics);
  void update_discriminator(int i);
  void update_generator(int i);

  Context& ctx_;
  Model& model_;
  StepOptions options_;
  DeviceFigures figures_;
  Objective objective_;
  Learner generator_, discriminator_;
  CachedPass generator_pass_, real_pass_;
  Pass fake_pass_;
  Arena arena_;
  Memory memory_;
  Branch updates_, weight_gradients_;           // of the generator's large weights; of convolutions
  std::unique_ptr<InputBuffer> input_;          // of a GPU
  Recording recordings_[InputBuffer::kPlaces];  // of a step on the batch in this place
  bool holes_cut_ = false;                      // of the loaded batch
};

}  // namespace inpaint
