// Bias, an optional addend and activation behind a product that feeds no norm (the last layer of a network).
//
//   y  = act(x + bias + addend)                         y may be x or the addend, which may be null
//   dx = dy * act'(.), computed from y; overwritten     dx may be dy
//   dbias[c] = sum over rows of dx[:, c] before its rounding; by mode; skipped when null
//
// The gradient of the addend is dx: backward is the same with an addend and without.
//
//   x, addend, y, dx, dy [..., C] read as [M, C]   bias, dbias [C]
// x, addend, y, dx, dy bf16, f32 or f64, alike; bias and dbias f64 beside f64, else f32. Sums in a fixed
// order. Needs bias_activation_workspace_bytes() of workspace for backward.
#pragma once

#include "core/device/context.h"
#include "kernels/activation.h"
#include "kernels/grad_mode.h"

namespace inpaint {

void bias_activation_forward(const Context& ctx, const Tensor& x, const Tensor& bias, const Tensor* addend,
                             Activation act, const Tensor& y);

int64_t bias_activation_workspace_bytes(const Context& ctx, const Shape& x, DType dtype);
void bias_activation_backward(const Context& ctx, const Tensor& y, const Tensor& dy, Activation act,
                              const Tensor& dx, const Tensor* dbias, GradMode mode);

}  // namespace inpaint
