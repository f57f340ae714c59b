// The mean difference of two tensors and its gradient, in one pass: the reconstruction loss, and the
// matching of a discriminator's activations.
//
//   kL2: loss = mean (fake - hidden)^2     dfake = weight 2 (fake - hidden) / elements
//   kL1: loss = mean |fake - hidden|       dfake = weight sign(fake - hidden) / elements,  sign(0) = 0
//
//   fake, hidden, dfake of one shape, [N, H, W, C] or any other; bf16, f32 or f64, all alike
//   loss f64[1], overwritten, without the weight
//   dfake by mode; skipped when null
//
// Sums in a fixed order, in double. Needs reconstruction_loss_workspace_bytes().
// Source: Pathak et al. 2016 (arXiv:1604.07379), over the block alone.
#pragma once

#include "core/device/context.h"
#include "kernels/grad_mode.h"

namespace inpaint {

enum class ReconstructionNorm { kL1, kL2 };

int64_t reconstruction_loss_workspace_bytes(const Context& ctx, const Shape& fake);
void reconstruction_loss(const Context& ctx, ReconstructionNorm norm, const Tensor& fake,
                         const Tensor& hidden, double weight, const Tensor& loss, const Tensor* dfake,
                         GradMode mode);

}  // namespace inpaint
