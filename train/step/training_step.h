// One training step of the GAN on one batch: disc_iter updates of the discriminator, then gene_iter updates
// of the generator, and the passes that only watch.
//
// The losses of one batch, with H the hidden image and F the fake image:
//   rec_loss       mean (H - F)^2, or mean |H - F|
//   adv_gene_loss  mean cross-entropy of D(F) against 1
//   tv_loss        total variation of F, mean over the batch
//   gene_loss_ori  lamb_adv adv_gene_loss + lamb_rec rec_loss + lamb_tv tv_loss
//   adv_disc_loss  mean cross-entropy over the 2N scores D(H) against 1 and D(F) against 0
//   disc_loss_ori  lamb_adv adv_disc_loss
//   disc_acc       share of the 2N scores on the right side
// To both comes the weight decay: 1e-5 * mean over the network's weight tensors of (sum of squares / 2).
#pragma once

#include <cstdint>
#include <memory>

#include "core/device/event.h"
#include "core/device/input_buffer.h"
#include "core/device/recording.h"
#include "kernels/loss/reconstruction_loss.h"
#include "kernels/parameter/adam.h"
#include "train/step/figures.h"
#include "train/step/model.h"

namespace inpaint {

struct StepOptions {
  double learning_rate = 0.0002;
  double lamb_rec = 0.999, lamb_adv = 0.001, lamb_tv = 1e-6;
  ReconstructionNorm norm = ReconstructionNorm::kL2;
  bool weight_clip =
      false;  // clip gradients to [-10, 10]; Adam's beta2 0.999; D learns at a tenth of the rate
  int gene_iter = 5, disc_iter = 1;
  // Do work that a step repeats with identical results once: the generator's forward pass while the generator
  // stands still, and D over the real batch while D does. Same bits, fewer passes.
  bool reuse = true;
};

// Multiplications and additions of the matrix products of one training step, as executed.
int64_t step_product_flop(const Network& generator, const Network& discriminator, int64_t batch,
                          const StepOptions& options);

class TrainingStep {
 public:
  static constexpr double kWeightDecayRate = 1e-5, kGradientClip = 10;

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

  // What the last pass left: views of the device's memory that stay valid until the next: painted holes [N,
  // H, H, C], logits [N, 1].
  Tensor fake_images() const { return generator_pass_.output(); }
  Tensor real_scores() const { return real_pass_.output(); }
  Tensor fake_scores() const { return fake_pass_.output(); }
  // What belongs to the batch that was last trained on or watched.
  Tensor masked_images() const { return arena_.tensor(memory_.masked); }
  Tensor hidden_images() const { return arena_.tensor(memory_.hidden); }

  // How many updates each network has had: Adam's step counts, part of a checkpoint.
  int64_t generator_updates = 0, discriminator_updates = 0;

  double generator_learning_rate() const { return options_.learning_rate; }
  double discriminator_learning_rate() const {
    return options_.learning_rate * (options_.weight_clip ? 0.1 : 1.0);
  }
  // Weight-decay terms of the two losses at the last update that losses() has waited for: rate * mean over
  // weight tensors of sum w^2 / 2.
  double generator_decay_loss() const;
  double discriminator_decay_loss() const;

  // The sentinel, of figures that are read with the losses (those of the last train()): false when one of
  // them, or a parameter of either network (a weight: before its last update), is not finite. A weight that
  // is lost in the very last update shows in the next train().
  bool is_finite(const Losses& losses) const;

  // The same of the whole state, to the last value of parameters, moments and running averages. Reads them
  // all once and waits: for the end of an epoch.
  bool is_state_finite();

  // The adversarial loss's part in what drove the fake image at the last generator update: the norm of its
  // gradient over the norm of the whole gradient (0: the discriminator has no say; 0 before any update).
  double adversarial_share() const;

  int64_t bytes() const;         // of all passes
  int64_t product_flop() const;  // step_product_flop of this step

 private:
  // Figures of a step, f64[1] each, side by side in one array of the device.
  enum Figure {
    kRec,
    kTv,
    kGene,
    kReal,
    kFake,
    kCorrectReal,
    kCorrectFake,
    kUnused,
    kGeneratorOthers,  // sums of squares: of biases and batch-norm parameters
    kDiscriminatorOthers,
    kAdversarialSquares,  // of the fake image's gradient: the discriminator's part, and all
    kImageSquares,
    kChecked,     // of what is_state_finite looks at
    kHalfSquares  // of each piece of the generator's parameters, then of the discriminator's
  };
  int64_t discriminator_half_squares() const {
    return kHalfSquares + static_cast<int64_t>(model_.generator_params.pieces().size());
  }
  // Places in the arena.
  struct Memory {
    int masked, hidden, dfake, dscore, figures, rates;
  };

  void cut_holes();
  void train_recorded();
  void forward_generator(Statistics statistics);
  void forward_real(Statistics statistics);
  void forward_fake(Statistics statistics);
  void judge_scores(double weight, const Tensor& dscore);
  void update_discriminator(int64_t rate);
  void update_generator(int64_t rate);
  AdamOptions adam_options(const Network& network, double learning_rate) const;
  ParameterUpdate update_of(const Network& network, const Parameters& params, double learning_rate,
                            int64_t rate, int64_t half_squares);
  void apply(const ParameterUpdate& update, const Parameters& params, Figure others);
  void upload_rates();
  void read_figures();
  void wait_for_figures();
  Tensor figure(Figure f) const;  // on the device
  double value(Figure f) const { return figures_host_.as<double>()[f]; }
  double half_squares(int64_t first, const Parameters& params) const;

  Context& ctx_;
  Model& model_;
  StepOptions options_;
  Pass generator_pass_, real_pass_, fake_pass_;
  Arena arena_;
  Memory memory_;
  Buffer host_;  // figures, and the rates of the next step
  Tensor figures_host_, rates_host_;
  Branch updates_, weight_gradients_;  // of the generator's large weights; of convolutions
  Event figures_there_;
  bool figures_due_ = false;
  std::unique_ptr<InputBuffer> input_;          // of a GPU
  Recording recordings_[InputBuffer::kPlaces];  // of a step on the batch in this place
  bool holes_cut_ = false;                      // of the loaded batch
  bool generator_pass_current_ = false;  // it holds the loaded batch, through the generator as it is now
  bool real_pass_current_ = false;       // the same of the hidden images through the discriminator
};

}  // namespace inpaint
