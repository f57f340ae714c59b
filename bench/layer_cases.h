// The layers of the two networks at their shapes of training, each direction a case of its own:
//   generator.hidden3/forward      generator.hidden3/input gradient      generator.hidden3/weight gradient
// or "generator.hidden6/weight update" where that gradient is applied at once,
// and the same for batch norms ("generator.hidden3.bn/...") and for biases ("generator.hidden11.bias/...").
#pragma once

#include "bench/op_case.h"
#include "nn/networks/context_encoder.h"

namespace inpaint::bench {

// How often a step of `gene_iter` generator and `disc_iter` discriminator updates runs a layer's directions,
// work that repeats done once.
struct UpdateCounts {
  int gene_iter = 5, disc_iter = 1;
};

std::vector<CaseMaker> layer_cases(const ContextEncoderOptions& options, int64_t batch, DType dtype,
                                   const UpdateCounts& counts = {});

}  // namespace inpaint::bench
