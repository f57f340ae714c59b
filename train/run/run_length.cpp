#include "train/run/run_length.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace inpaint {

bool RunLength::is_at_last_step(const RunState& state) const {
  return settings_.max_steps != TrainSettings::kNoStepLimit && state.step >= settings_.max_steps;
}

bool RunLength::is_at_last_minute(const RunState& state) const {
  return settings_.minutes > 0 && state.train_seconds >= 60 * settings_.minutes;
}

bool RunLength::is_out_of_patience(const RunState& state) const {
  return settings_.patience > 0 && state.validations_since_best >= settings_.patience;
}

bool RunLength::is_over(const RunState& state) const {
  const bool epochs_are = settings_.minutes == 0 && state.epoch >= settings_.epoch;
  return epochs_are || is_out_of_patience(state) || is_at_last_step(state) || is_at_last_minute(state);
}

std::string RunLength::why_over(const RunState& state) const {
  const auto reached = [&](std::string_view flag, const std::string& value) {
    return fmt::format("{}={} is reached, at step {}; give a larger {} to go on", flag, value, state.step,
                       flag);
  };
  if (is_out_of_patience(state)) return reached("patience", std::to_string(settings_.patience));
  if (is_at_last_minute(state)) return reached("minutes", fmt::format("{}", settings_.minutes));
  if (is_at_last_step(state)) return reached("max_steps", std::to_string(settings_.max_steps));
  return reached("epoch", std::to_string(settings_.epoch));
}

double RunLength::progress(const RunState& state) const {
  if (settings_.minutes > 0) return std::min(1.0, state.train_seconds / (60 * settings_.minutes));
  int64_t planned = settings_.schedule_steps;
  if (planned == 0) {
    planned = (settings_.epoch - settings_.start_epoch) * batches_per_epoch_;
    if (settings_.max_steps > 0) planned = std::min(planned, settings_.max_steps);
  }
  return std::min(1.0, static_cast<double>(state.step) / static_cast<double>(std::max<int64_t>(1, planned)));
}

int64_t RunLength::steps_left(const RunState& state) const {
  int64_t steps = (settings_.epoch - state.epoch) * batches_per_epoch_ - state.batch;
  if (settings_.minutes > 0) {
    const double share = std::max(progress(state), 1e-9);
    steps = static_cast<int64_t>(static_cast<double>(state.step) * (1 - share) / share);
  }
  return settings_.max_steps == TrainSettings::kNoStepLimit
             ? steps
             : std::min(steps, settings_.max_steps - state.step);
}

}  // namespace inpaint
