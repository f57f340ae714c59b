#include "train/run/run_length.h"

#include <doctest/doctest.h>

using namespace inpaint;

namespace {

constexpr int64_t kBatches = 10;  // in an epoch

RunState at_step(int64_t step) {
  RunState state;
  state.step = step;
  state.epoch = step / kBatches;
  state.batch = step % kBatches;
  return state;
}

}  // namespace

TEST_CASE("run length: epochs end a run, and max_steps where it comes first") {
  TrainSettings settings;
  settings.epoch = 3;
  const RunLength length(settings, kBatches);
  CHECK_FALSE(length.is_over(at_step(29)));
  CHECK(length.is_over(at_step(30)));
  CHECK(length.why_over(at_step(30)) == "epoch=3 is reached, at step 30; give a larger epoch to go on");
  CHECK(length.steps_left(at_step(12)) == 18);
  CHECK(length.progress(at_step(12)) == doctest::Approx(0.4));

  settings.max_steps = 16;
  CHECK_FALSE(length.is_over(at_step(15)));
  CHECK(length.is_over(at_step(16)));
  CHECK(length.why_over(at_step(16)) ==
        "max_steps=16 is reached, at step 16; give a larger max_steps to go on");
  CHECK(length.steps_left(at_step(12)) == 4);
  CHECK(length.progress(at_step(12)) == doctest::Approx(0.75));

  settings.schedule_steps = 48;  // plans the rates for a longer run
  CHECK(length.progress(at_step(12)) == doctest::Approx(0.25));
  CHECK(length.progress(at_step(100)) == 1);
  CHECK(length.steps_left(at_step(12)) == 4);
}

TEST_CASE("run length: minutes take the place of epochs") {
  TrainSettings settings;
  settings.epoch = 1;
  settings.minutes = 2;
  const RunLength length(settings, kBatches);
  RunState state = at_step(30);
  state.train_seconds = 30;
  CHECK_FALSE(length.is_over(state));
  CHECK(length.progress(state) == doctest::Approx(0.25));
  CHECK(length.steps_left(state) == 90);
  state.train_seconds = 120;
  CHECK(length.is_over(state));
  CHECK(length.why_over(state) == "minutes=2 is reached, at step 30; give a larger minutes to go on");
}

TEST_CASE("run length: patience ends a run that gets no better") {
  TrainSettings settings;
  settings.epoch = 100;
  settings.patience = 2;
  const RunLength length(settings, kBatches);
  RunState state = at_step(30);
  state.validations_since_best = 1;
  CHECK_FALSE(length.is_over(state));
  state.validations_since_best = 2;
  CHECK(length.is_over(state));
  CHECK(length.is_out_of_patience(state));
  CHECK(length.why_over(state) == "patience=2 is reached, at step 30; give a larger patience to go on");
}
