// Sigmoid cross-entropy of one batch of logits against one label, its gradient and the accuracy, in one pass.
//
//   loss    = mean_n  max(x, 0) - x z + log(1 + exp(-|x|))       z = label, 0 or 1; cannot overflow
//   dlogits = weight (sigmoid(x) - z) / N                        overwritten; skipped when null
//   correct = number of n with round(sigmoid(x)) == z            a sigmoid of exactly 0.5 rounds to 0
//
//   logits, dlogits [N, 1], bf16, f32 or f64; loss and correct f64[1], overwritten, without the weight
//
// Sums in a fixed order, in double.
#pragma once

#include "core/context.h"

namespace inpaint {

void sigmoid_bce(const Context& ctx, const Tensor& logits, double label, double weight, const Tensor& loss,
                 const Tensor& correct, const Tensor* dlogits);

}  // namespace inpaint
