// The sum of an array's squares: how large a gradient is, and whether all of it is finite.
//
//   sum = sum_i x_i^2        in double, in a fixed order
//
//   x of any shape, bf16, f32 or f64; sum f64[1], overwritten
//
// For bf16 and f32 the sum is finite exactly when every x_i is: squares of floats are at most
// 1.2e77. In f64 it also overflows beyond |x_i| = 1.3e154, where no training is left to save. The
// result stays on the device: it is read with the losses, so that a sentinel costs no wait of its
// own. Needs sum_of_squares_workspace_bytes().
#pragma once

#include "core/device/context.h"

namespace inpaint {

int64_t sum_of_squares_workspace_bytes(const Context& ctx, int64_t elements);
void sum_of_squares(const Context& ctx, const Tensor& x, const Tensor& sum);

}  // namespace inpaint
