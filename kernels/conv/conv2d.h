// The convolution of this program, and the two products of its backward pass. Its data gradient is the
// transposed convolution's forward pass, and the other way round.
//
//   y[n, i, j, o] = sum_{ky, kx, c} x[n, 2i + ky - 1, 2j + kx - 1, c] * w[o, ky, kx, c]
//
// a cross-correlation with a 4 x 4 kernel, stride 2 and one pixel of zero padding on each side ("SAME"):
//
//   x, dx  [n, h, w, ci]        h and w even
//   w, dw  [co, 4, 4, ci]
//   y, dy  [n, h/2, w/2, co]
//
// Contiguous, bf16, f32 or f64, all tensors of a call alike, but dw is f32 beside bf16. Sums run in a fixed
// order: same shapes and input, same bits, for any number of threads. In bf16 they are sums in f32 of
// products of bf16: of values, or of sums of up to four values rounded again (Winograd). Every op needs
// conv2d_workspace_bytes() of workspace.
#pragma once

#include "core/device/context.h"
#include "kernels/grad_mode.h"

namespace inpaint {

struct Conv2dShape {
  static constexpr int64_t kKernel = 4, kStride = 2, kPad = 1;
  int64_t n, h, w, ci, co;  // of x; co of y

  Shape x() const { return {n, h, w, ci}; }
  Shape y() const { return {n, h / kStride, w / kStride, co}; }
  Shape weight() const { return {co, kKernel, kKernel, ci}; }
  int64_t flop() const {
    return 2 * y().elements() * kKernel * kKernel * ci;
  }  // of each of the three products
};

int64_t conv2d_workspace_bytes(const Context& ctx, const Conv2dShape& shape, DType dtype);

void conv2d_forward(const Context& ctx, const Tensor& x, const Tensor& w, const Tensor& y);  // y overwritten

// dx = sum over the outputs a pixel took part in of dy * w; overwritten.
void conv2d_backward_data(const Context& ctx, const Tensor& dy, const Tensor& w, const Tensor& dx);

// dw = sum over images and output pixels of dy * x.
void conv2d_backward_weight(const Context& ctx, const Tensor& x, const Tensor& dy, const Tensor& dw,
                            GradMode mode);

}  // namespace inpaint
