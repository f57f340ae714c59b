// The sum of squares of a linear layer's weight gradient, where the gradient itself is never stored
// (linear_adam.h): how large it is, for curves.
//
//   g = dy^T x                                          linear.h's weight gradient
//   squares = sum_{o,i} g_oi^2
//           = sum_{a,b} (x_a . x_b) (dy_a . dy_b)       over pairs of the n examples: what is computed
//
//   x [n, in], dy [n, out]     bf16, f32 or f64, both alike
//   squares f64[1]             overwritten
//
// The pairs cost n^2 (in + out) products in the place of n in out, and no memory as large as the weights. All
// products and sums are in double, in an order that follows from the shape. Where the terms cancel, the
// result may be below 0 by the rounding of doubles. Needs linear_gradient_squares_workspace_bytes().
// Source: the Frobenius norm, |dy^T x|^2 = trace(x x^T dy dy^T) (Goodfellow 2015, arXiv:1510.01799, has the
// same identity for the norms of single examples).
#pragma once

#include "kernels/linear/linear.h"

namespace inpaint {

int64_t linear_gradient_squares_workspace_bytes(const Context& ctx, int64_t n);
void linear_gradient_squares(const Context& ctx, const Tensor& x, const Tensor& dy, const Tensor& squares);

}  // namespace inpaint
