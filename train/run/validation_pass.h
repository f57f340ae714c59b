// A held-out data set watched from its first batch to its last, with the running averages and with holes that
// are the same every time: what mode=validate and mode=test print, and what training validates with. No state
// of the training changes.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "train/data/batch_loader.h"
#include "train/run/rank_agreement.h"
#include "train/run/run_holes.h"
#include "train/run/sample_pictures.h"
#include "train/settings/settings.h"

namespace inpaint {

class ValidationPass {
 public:
  enum class Pictures {
    kAll,           // the last batch may be incomplete; means over pictures
    kWholeBatches,  // an incomplete last batch is left out unless it is the only one; means over batches
  };

  // Validates on these pictures, which `workers` threads load. masks: see RunHoles. Each of several ranks
  // (which outlive this object) takes its share of every batch, and all get the means over all; step and
  // samples are for such a share.
  ValidationPass(const TrainSettings& settings, std::unique_ptr<PictureSet> data, int workers,
                 Pictures pictures, const MaskFiles* masks, Ranks& ranks);

  struct Seen {
    int64_t index;  // of the batch
    const Batch& batch;
    int64_t pictures;  // the first so many of the batch, which the figures are of; others fill it up. 0: none
    ValidationFigures figures;
  };
  // Called after each batch, while `step` still holds what it has watched; false breaks the pass off.
  using Watch = std::function<bool(const Seen&)>;

  // The means; nothing when `watch` has broken the pass off, which is then of no more use.
  std::optional<ValidationFigures> run(const Context& ctx, TrainingStep& step, const SamplePictures& samples,
                                       const Watch& watch);

 private:
  Ranks& ranks_;
  const int64_t batch_size_;
  const BatchShare share_;
  const Pictures pictures_;
  std::unique_ptr<PictureSet> data_;
  BatchLoader loader_;  // without shuffling, every epoch of it is the same
  RunHoles holes_;
};

}  // namespace inpaint
