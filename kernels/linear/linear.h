// The matrix product of a linear layer and the two of its backward pass; the bias is an op of its own
// (bias_activation.h, or the batch norm that follows).
//
//   y  = x w^T         overwritten
//   dx = dy w          overwritten
//   dw = dy^T x        by mode
//
//   x, dx [n, in]   w, dw [out, in]   y, dy [n, out];  bf16, f32 or f64, all tensors of a call alike, but
//   dw is f32 beside bf16
//
// Sums run in a fixed order: same shapes and input, same bits, for any number of threads.
// Every op needs linear_workspace_bytes() of workspace.
#pragma once

#include "core/device/context.h"
#include "kernels/grad_mode.h"

namespace inpaint {

struct LinearShape {
  int64_t n, in, out;

  int64_t flop() const { return 2 * n * in * out; }  // of each of the three products
};

int64_t linear_workspace_bytes(const Context& ctx, const LinearShape& shape, DType dtype);

void linear_forward(const Context& ctx, const Tensor& x, const Tensor& w, const Tensor& y);
void linear_backward_data(const Context& ctx, const Tensor& dy, const Tensor& w, const Tensor& dx);
void linear_backward_weight(const Context& ctx, const Tensor& x, const Tensor& dy, const Tensor& dw,
                            GradMode mode);

}  // namespace inpaint
