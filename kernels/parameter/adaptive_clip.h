// The scale that keeps a network's gradient near its usual size: large gradients are made smaller.
//
//   t     = sqrt(squares)                       the norm of the gradient
//   mean <- 0.97 mean + 0.03 min(t, 2 mean)     mean <- t at the first step, which finds a mean of 0
//   scale = min(1, 2 mean / t)                  with the new mean; 1 where t is 0
//
//   squares f64[1]      the gradient's sum of squares (sum_of_squares.h)
//   mean f64[1]         the running mean of the norms, updated in place; 0 before the first step
//   scale f64[1]        overwritten; adam.h multiplies the gradient by it
//
// A t that is not finite leaves the mean as it is, and the scale is 1: a check for values that are not
// finite ends the run. All values live on the device, so a recorded step can be replayed.
// Source: AutoClip (Seetharaman et al. 2020, arXiv:2007.14469), with a running mean for its percentile.
#pragma once

#include "core/device/context.h"

namespace inpaint {

inline constexpr double kClipMeanRate = 0.03;  // share of a step's norm in the mean
inline constexpr double kClipFactor = 2;       // norms above this many means are too large

void adaptive_clip(const Context& ctx, const Tensor& squares, const Tensor& mean, const Tensor& scale);

}  // namespace inpaint
