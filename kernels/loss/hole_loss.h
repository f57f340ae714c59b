// The loss of painted pictures in their holes, and its gradient: for each picture the mean of the absolute
// differences, and the root of the mean square.
//
//   d    = painted - (images - 127.5) / 127.5         where the pixel is missing
//   n_i  = C * (missing pixels of picture i)
//   a_i  = sum |d| / n_i        q_i = sum d^2 / n_i        over picture i
//   l1   = (1 / N) sum_i a_i
//   rms  = (1 / N) sum_i sqrt(q_i + 1e-4)
//   dpainted = (weights.l1 sign(d) + weights.rms d / sqrt(q_i + 1e-4)) / (N n_i)      sign(0) = 0
//              0 where the pixel is known
//
//   painted f [N, H, W, C]       f32 or f64
//   images u8 [N, H, W, C]       the true pictures
//   mask u8 [N, H, W]            0 is known, every other byte is missing
//   l1, rms f64[1]               overwritten, without the weights
//   dpainted [N, H, W, C]        bf16 where f is f32, or f; by mode, skipped when null. With kAccumulate
//                                known pixels stay as they are.
//
// A picture without a missing pixel adds 0 to l1 and to rms, and has no gradient; N counts it.
// Sums are made in double, for each picture first, in an order that follows from the shape and, on the CPU,
// from the mask. Needs hole_loss_workspace_bytes(). The root of each picture is near to what PSNR measures,
// which is a mean over pictures of logarithms of q_i.
#pragma once

#include "core/device/context.h"
#include "kernels/grad_mode.h"

namespace inpaint {

struct HoleLossWeights {
  double l1 = 1, rms = 1;
};

// Added to q_i, so that the root has a derivative at 0.
inline constexpr double kHoleLossEpsilon = 1e-4;

int64_t hole_loss_workspace_bytes(const Context& ctx, const Shape& painted);
void hole_loss(const Context& ctx, const Tensor& painted, const Tensor& images, const Tensor& mask,
               const HoleLossWeights& weights, const Tensor& l1, const Tensor& rms, const Tensor* dpainted,
               GradMode mode);

}  // namespace inpaint
