// The ops of a training step outside the layers, at their shapes of training: losses, holes, Adam. And the
// convolutions of 3 x 3 that keep the side.
#pragma once

#include "bench/op_case.h"
#include "nn/networks/context_encoder.h"

namespace inpaint::bench {

std::vector<CaseMaker> op_cases(const ContextEncoderOptions& options, int64_t batch, DType dtype);

}  // namespace inpaint::bench
