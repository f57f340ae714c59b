// The matrix product of a linear layer and the two of its backward pass; the bias is an op of its own
// (bias_activation.h, or the batch norm that follows).
//
//   y  = x w^T         overwritten
//   dx = dy w          overwritten
//   dw = dy^T x        by mode
//
//   x, dx [n, in]   w, dw [out, in]   y, dy [n, out];  f32 or f64, all tensors of a call alike
//
// Sums run in a fixed order: same shapes and input, same bits, for any number of threads.
#pragma once

#include "core/context.h"
#include "kernels/grad_mode.h"

namespace inpaint {

void linear_forward(const Context& ctx, const Tensor& x, const Tensor& w, const Tensor& y);
void linear_backward_data(const Context& ctx, const Tensor& dy, const Tensor& w, const Tensor& dx);
void linear_backward_weight(const Context& ctx, const Tensor& x, const Tensor& dy, const Tensor& dw,
                            GradMode mode);

}  // namespace inpaint
