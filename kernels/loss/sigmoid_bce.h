// Sigmoid cross-entropy of batches of logits, each against one label, its gradient and the accuracy, in one
// pass. For each batch:
//
//   loss    = mean_n  max(x, 0) - x z + log(1 + exp(-|x|))       z = label, 0 or 1; cannot overflow
//   dlogits = weight (sigmoid(x) - z) / N                        overwritten; skipped when empty
//   correct = number of n with round(sigmoid(x)) == z            a sigmoid of exactly 0.5 rounds to 0
//
//   logits, dlogits [N, 1], bf16, f32 or f64; loss and correct f64[1], overwritten, without the weight
//
// Sums in a fixed order, in double. Batches of one call may share logits, and nothing that is overwritten.
#pragma once

#include <span>

#include "core/device/context.h"

namespace inpaint {

struct SigmoidBce {
  Tensor logits;
  double label, weight;
  Tensor loss, correct;
  Tensor dlogits;
};
// All batches have one type: they are one launch on a GPU.
void sigmoid_bce(const Context& ctx, std::span<const SigmoidBce> batches);

}  // namespace inpaint
