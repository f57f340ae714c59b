// Data sets of procedural pictures.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/device/context.h"
#include "train/datasets/dataset_outputs.h"

namespace inpaint {

struct GenerationOptions {
  DatasetTarget target;
  SplitShares shares;
  int64_t count = 2000;  // of all data sets together
  uint64_t seed = 1;
  std::function<void(int64_t done, int64_t total)> on_progress;
};

// Pictures 0 .. count - 1 of procedural_picture(seed, ...): the first ones for train, then validate, then
// test. The same bytes for any number of threads. UserError when an option is out of range or a file to
// write exists.
std::vector<WrittenDataset> generate_pictures(const Context& ctx, const GenerationOptions& options);

}  // namespace inpaint
