// What the ranks of a training tell each other beside the gradients: they all begin at the same state, and
// after every step they agree on how it went and on what comes next. With one process these calls return
// at once.
#pragma once

#include <cstdint>

#include "core/ranks/ranks.h"
#include "train/checkpoint/run_state.h"
#include "train/model/model.h"
#include "train/settings/settings.h"
#include "train/step/figures.h"

namespace inpaint {

// The part of every batch that a rank trains on.
struct BatchShare {
  int64_t begin = 0, count = 0;  // places of the batch

  BatchShare(int64_t batch_size, const Ranks& ranks)
      : begin(batch_size / ranks.count() * ranks.rank()), count(batch_size / ranks.count()) {}
};

// UserError unless all ranks were given the same flags.
void check_same_flags(Ranks& ranks, const TrainSettings& settings);
// UserError unless all see as many pictures.
void check_same_pictures(Ranks& ranks, int64_t pictures, const std::string& where);
// Error unless the weights of all are the same to the bit: processors of different kinds may round otherwise,
// and so may GPUs.
void check_same_weights(Ranks& ranks, const Context& ctx, const Model& model);

// The state and the model of rank 0, for all.
void share_state(Ranks& ranks, RunState& state);
void share_model(Ranks& ranks, const Context& ctx, Model& model);

// What came of a step. Losses are those of the whole batch; time is rank 0's, since clocks differ; a signal
// that asks one rank to stop stops all.
struct StepOutcome {
  Losses losses;
  double train_seconds = 0;
  int64_t signal = 0;
  bool save_is_due = false;
};
StepOutcome agree(Ranks& ranks, const StepOutcome& mine);

int64_t sum_over(Ranks& ranks, int64_t mine);

}  // namespace inpaint
