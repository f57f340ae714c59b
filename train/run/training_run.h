// A whole training run: data in; checkpoints, logs, samples and summaries out (mode=train).
#pragma once

#include <cstdio>

#include "core/ranks/ranks.h"
#include "train/settings/settings.h"

namespace inpaint {

// Trains as the settings say; goes on from a checkpoint where there is one. Returns the exit code: 0 when the
// run is complete, 128 + N when signal N stopped it after saving (core/base/signal_thread.h; SIGPIPE stands
// for an output that nobody reads, SIGHUP for a terminal that is gone). Throws UserError for bad input, Error
// when the losses or the state are not finite and on_nan=stop, or rolling back has not helped; the last good
// checkpoint stays in both cases. Lines for people go to `out`.
int run_training(const TrainSettings& settings, std::FILE* out = stdout);

// The same as one of several ranks, which all make this call: each trains on its share of every batch. Rank 0
// writes, and its exit code is the run's; those of the others are 0 when a signal stopped it.
int run_training(const TrainSettings& settings, std::FILE* out, Ranks& ranks);

}  // namespace inpaint
