// Where a run stands: with the model's tensors, all that a resumed run needs to go on exactly.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "train/step/figures.h"

namespace inpaint {

struct RunState {
  int64_t step = 0;              // steps done; random numbers are counted from it
  int64_t epoch = 0, batch = 0;  // of the next batch
  int64_t generator_updates = 0, discriminator_updates = 0;
  EpochSums sums = {};  // of the epoch the next batch belongs to

  // What the validations so far found: where the best one was (-1: none yet), its figures, and how many came
  // after it. The best has the largest gain, or the smallest rec_loss for a model without one.
  int64_t best_step = -1;
  double best_rec_loss = 0, best_gain = 0;
  int64_t validations_since_best = 0;

  // The running mean of the generator's gradient norm, where an adaptive clip keeps one; and the time of
  // training that is over, where minutes limit it.
  double clip_mean = 0, train_seconds = 0;
  double adversarial_ratio = 0;  // of an adversarial phase (train/step/adversary.h); 0: none yet

  int64_t data_crc32c = -1;  // of the data set, as its description has it; -1: there is none

  bool is_best(const ValidationFigures& figures) const;

  // The discriminator begins anew.
  void forget_discriminator() { discriminator_updates = 0, adversarial_ratio = 0; }

  // As "state.<name>" -> text in a checkpoint's metadata; numbers keep all their bits. Reading throws
  // UserError that begins with `where` (the file's name) for a key that is missing or is no number; what came
  // into the format later, the validations, may be missing.
  void to_metadata(std::map<std::string, std::string>& metadata) const;
  static RunState from_metadata(const std::map<std::string, std::string>& metadata, const std::string& where);
};

}  // namespace inpaint
