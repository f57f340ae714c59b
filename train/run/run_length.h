// How far a training run is, and where it ends: behind its epochs, steps or minutes, or where validations no
// longer get better, whichever comes first. (Minutes take the place of epochs.)
#pragma once

#include <cstdint>
#include <string>

#include "train/checkpoint/run_state.h"
#include "train/settings/settings.h"

namespace inpaint {

class RunLength {
 public:
  // settings must outlive this object.
  RunLength(const TrainSettings& settings, int64_t batches_per_epoch)
      : settings_(settings), batches_per_epoch_(batches_per_epoch) {}

  bool is_over(const RunState& state) const;
  // The flag that has ended it, and how to go on.
  std::string why_over(const RunState& state) const;
  // So many validations behind the best one as `patience` allows.
  bool is_out_of_patience(const RunState& state) const;

  // The share of the planned run that is done, in [0, 1]: what a schedule of rates goes by.
  double progress(const RunState& state) const;
  int64_t steps_left(const RunState& state) const;  // of minutes: as many as fit at the pace so far

 private:
  bool is_at_last_step(const RunState& state) const;
  bool is_at_last_minute(const RunState& state) const;

  const TrainSettings& settings_;
  int64_t batches_per_epoch_;
};

}  // namespace inpaint
