// A held-out data set watched from its first batch to its last, with the running averages and with holes that
// are the same every time: what mode=validate and mode=test print, and what training validates with. No state
// of the training changes. An incomplete last batch is left out.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "core/base/philox.h"
#include "train/data/batch_loader.h"
#include "train/run/sample_pictures.h"
#include "train/settings/settings.h"

namespace inpaint {

class ValidationPass {
 public:
  // Opens <dataname><image_size>_<mode>.bin; UserError when it is missing or smaller than a batch.
  ValidationPass(const TrainSettings& settings, Split mode);

  struct Batch {
    int64_t index;
    Tensor pixels, holes;  // u8 [N, S, S, C], i32 [N, 2]
    ValidationFigures figures;
  };
  // Called after each batch, while `step` still holds what it has watched; false breaks the pass off.
  using Seen = std::function<bool(const Batch&)>;

  // The means over all batches; nothing when `seen` has broken the pass off, which is then of no more use.
  std::optional<ValidationFigures> run(const Context& ctx, TrainingStep& step, const SamplePictures& samples,
                                       const Seen& seen);

 private:
  const HolePlacement block_;
  const int64_t image_size_, batch_size_;
  std::unique_ptr<PictureSet> data_;
  BatchLoader loader_;  // without shuffling, every epoch of it is the same
  Philox random_;
  Buffer hole_memory_;
  Tensor holes_;
};

}  // namespace inpaint
