// A held-out data set watched from its first batch to its last, with the running averages and with holes that
// are the same every time: what mode=validate and mode=test print, and what training validates with. No state
// of the training changes. An incomplete last batch is left out.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "train/data/batch_loader.h"
#include "train/run/run_holes.h"
#include "train/run/sample_pictures.h"
#include "train/settings/settings.h"

namespace inpaint {

class ValidationPass {
 public:
  // Opens <dataname><image_size>_<mode>.bin; UserError when it is missing or smaller than a batch.
  // masks: see RunHoles.
  ValidationPass(const TrainSettings& settings, Split mode, const MaskFiles* masks);

  struct Seen {
    int64_t index;  // of the batch
    const Batch& batch;
    ValidationFigures figures;
  };
  // Called after each batch, while `step` still holds what it has watched; false breaks the pass off.
  using Watch = std::function<bool(const Seen&)>;

  // The means over all batches; nothing when `watch` has broken the pass off, which is then of no more use.
  std::optional<ValidationFigures> run(const Context& ctx, TrainingStep& step, const SamplePictures& samples,
                                       const Watch& watch);

 private:
  const int64_t batch_size_;
  std::unique_ptr<PictureSet> data_;
  BatchLoader loader_;  // without shuffling, every epoch of it is the same
  RunHoles holes_;
};

}  // namespace inpaint
