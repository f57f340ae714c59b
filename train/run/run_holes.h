// The holes of a run's batches, as its settings say. They follow from the seed, the stream and the numbers of
// the pictures alone.
#pragma once

#include <optional>

#include "core/base/philox.h"
#include "core/device/buffer.h"
#include "train/holes/holes.h"
#include "train/holes/mask_files.h"
#include "train/settings/settings.h"

namespace inpaint {

// The mask pictures of holes=files; none for other holes. UserError for files that cannot be used.
std::optional<MaskFiles> open_masks(const TrainSettings& settings);

class RunHoles {
 public:
  // masks: of holes=files, else null; must outlive this object, as the settings must. device: where batches
  // are copied to. A draw is for `count` pictures of each of so many micro-batches.
  RunHoles(const TrainSettings& settings, const MaskFiles* masks, RandomStream stream, Device device,
           int64_t count, int micro_batches = 1);

  // The holes of the pictures first, first + 1, ..., of those that stand batch_size behind them, and so on,
  // in this order; valid until the next draw.
  const Holes& draw(uint64_t first);

 private:
  const TrainSettings& settings_;
  HoleOptions options_;
  Philox random_;
  const int64_t count_;
  const int micro_batches_;
  Buffer mask_memory_, offset_memory_;
  Holes holes_;
};

}  // namespace inpaint
