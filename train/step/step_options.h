// What a training step can be told.
#pragma once

#include "kernels/loss/reconstruction_loss.h"
#include "train/settings/settings.h"

namespace inpaint {

class Ranks;

struct StepOptions {
  double learning_rate = 0.0002;
  double lamb_rec = 0.999, lamb_adv = 0.001, lamb_tv = 1e-6;
  ReconstructionNorm norm = ReconstructionNorm::kL2;
  AdversarialLoss adversarial = AdversarialLoss::kCrossEntropy;
  // Clip gradients to [-10, 10]; Adam's beta2 is 0.999; D learns at a tenth of the rate.
  bool weight_clip = false;
  int gene_iter = 5, disc_iter = 1;
  // For kHarmonicUnet: updates of the warm-up, the share of the learning rate at the end of the run, and the
  // decay of the parameters' moving average.
  int64_t warm_up = 60;
  double last_rate = 0.01;
  double average_decay = 0.998;
  // For kHarmonicUnet: the adversarial phase, the last share of the planned run (harmonic_step.h). texture is
  // the strength of the adversary's gradient beside the reconstruction's; 0: there is no such phase.
  double texture = 0, texture_share = 0.3;
  // Do work that a step repeats with identical results once: the generator's forward pass while the generator
  // stands still, and D over the real batch while D does. Same bits, fewer passes.
  bool reuse = true;
  int micro_batches = 1;  // of a batch: see training_step.h
  // The processes that train the model together; null: this one alone. The step's batch is this rank's share,
  // and the gradients' means over the ranks are those of the whole batch. They outlive the step.
  Ranks* ranks = nullptr;
  bool sync_batch_norm = false;  // batch norms take their statistics over all ranks
};

}  // namespace inpaint
