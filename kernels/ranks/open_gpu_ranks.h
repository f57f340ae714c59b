// How the ranks of a run come to sum on their GPUs.
#pragma once

#include <memory>

#include "core/ranks/ranks.h"

namespace inpaint {

// For the GPU of this context, which no other rank uses; null where it is the CPU's, or a rank is alone. All
// ranks call it, and it returns when all are linked. UserError where the library that links them is missing.
// It is to go behind whatever has recorded sums of it (a CUDA graph holds them), and before ctx and ranks.
std::unique_ptr<DeviceRanks> open_gpu_ranks(const Context& ctx, Ranks& ranks);

}  // namespace inpaint
