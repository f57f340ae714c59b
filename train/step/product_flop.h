// The arithmetic of a training step.
#pragma once

#include "nn/network.h"
#include "train/step/step_options.h"

namespace inpaint {

// Multiplications and additions of the matrix products of one training step, as executed. batch: pictures of
// a micro-batch.
int64_t step_product_flop(const Network& generator, const Network& discriminator, int64_t batch,
                          const StepOptions& options);

}  // namespace inpaint
