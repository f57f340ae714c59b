// The (anisotropic) total variation of a batch of pictures and its gradient, in one pass.
//
//   loss = (1 / N) sum_n sum_{i,j,c} |x[n,i+1,j,c] - x[n,i,j,c]| + |x[n,i,j+1,c] - x[n,i,j,c]|
//   dx   = weight / N * (sum of the signs of the differences to the up to four neighbours),  sign(0) = 0
//
//   x, dx [N, H, W, C], bf16, f32 or f64; dx is written by mode, and skipped when null
//   loss f64[1], overwritten, without the weight
//
// H = 1 or W = 1 has no neighbours in that direction. Sums in a fixed order, in double.
// Needs total_variation_workspace_bytes(). Source: tf.image.total_variation, mean over the batch.
#pragma once

#include "core/device/context.h"
#include "kernels/grad_mode.h"

namespace inpaint {

int64_t total_variation_workspace_bytes(const Context& ctx, const Shape& x);
void total_variation(const Context& ctx, const Tensor& x, double weight, const Tensor& loss, const Tensor* dx,
                     GradMode mode);

}  // namespace inpaint
