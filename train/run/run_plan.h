// What a run will take, worked out from its settings before anything is allocated: --plan prints it, and a
// run that does not get its memory says it.
#pragma once

#include <cstdint>
#include <string>

#include "core/device/buffer.h"
#include "train/settings/settings.h"

namespace inpaint {

struct RunPlan {
  int64_t generator_parameters = 0, discriminator_parameters = 0;
  // Multiplications and additions of the matrix products of one step; of one in the adversarial phase.
  int64_t step_flop = 0, adversarial_flop = 0;
  // Bytes of the device's memory: values and gradients (with the copies products read), Adam's moments, and
  // the passes with the batch and the ops' scratch memory.
  int64_t weight_bytes = 0, optimizer_bytes = 0, pass_bytes = 0;
  int64_t checkpoint_bytes = 0;  // a file; while one is written, as much of the host's memory, twice at most
  int64_t copies = 0;            // checkpoints that lie in the folder at the same time, at most; see plan_run
  int64_t batch_size = 0;
  int64_t free_bytes =
      0;  // of the device's memory, before the run takes any; 0 where the system does not say
  int64_t device_bytes() const { return weight_bytes + optimizer_bytes + pass_bytes; }
  // The largest batch whose memory, and a twentieth for all else, is free; 0 where not one picture's is.
  int64_t fitting_batch_size() const;
};

// The figures, a line each.
std::string to_text(const RunPlan& plan);
// "training needs 2.10 GiB: weights ...; ... were free: a batch_size of 48 would fit": in the middle of
// a sentence.
std::string memory_text(const RunPlan& plan);

// For settings with a definite device (run_device.h). Looks whether there is a set to validate with, and thus
// a best checkpoint to keep. With a `keep` beyond the number of epochs, checkpoints that save_minutes makes
// come on top: nobody knows yet how many.
RunPlan plan_run(const TrainSettings& settings);

// Does what `action` does; when it runs out of memory (OutOfMemory), the message says what the run needs as
// a whole.
template <typename F>
auto explain_memory(const RunPlan& plan, F&& action) -> decltype(action()) {
  try {
    return action();
  } catch (const OutOfMemory& error) {
    throw OutOfMemory(fmt::format("{}; {}", error.what(), memory_text(plan)));
  }
}

// inpaint_train --plan: prints the plan, the free space, and after ten measured steps the time of an epoch
// and of the run. Trains in memory only: no file or folder is made or changed. Returns the exit code.
int show_plan(const TrainSettings& settings);

}  // namespace inpaint
