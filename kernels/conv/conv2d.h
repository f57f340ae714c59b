// Convolution, and the two products of its backward pass. Its data gradient is the transposed convolution's
// forward pass, and the other way round.
//
//   y[n, i, j, o] = sum_{ky, kx, c} x[n, s i + d ky - p, s j + d kx - p, c] * w[o, ky, kx, c]
//
// a cross-correlation with a k x k kernel, stride s, p pixels of zero padding on each side and dilation d:
//
//   x, dx  [n, h, w, ci]        the windows cover h and w evenly (Conv2dWindow::covers)
//   w, dw  [co, k, k, ci]
//   y, dy  [n, ho, wo, co]      ho = (h + 2 p - d (k - 1) - 1) / s + 1, wo likewise
//
// Contiguous, bf16, f32 or f64, all tensors of a call alike, but dw is f32 beside bf16. Sums run in a fixed
// order: same shapes and input, same bits, for any number of threads. In bf16 they are sums in f32 of
// products of bf16: of values, or of sums of a few values rounded again (Winograd: up to four of x or dy,
// nine of w). Every op needs conv2d_workspace_bytes() of workspace.
#pragma once

#include "core/device/context.h"
#include "kernels/grad_mode.h"

namespace inpaint {

// The window of an output pixel.
struct Conv2dWindow {
  int64_t kernel, stride, pad, dilation;

  int64_t span() const { return dilation * (kernel - 1) + 1; }  // pixels from its first to its last
  // Whether the windows cover a side of the picture without a rest, and how many windows that is.
  bool covers(int64_t side) const {
    return side > 0 && side + 2 * pad >= span() && (side + 2 * pad - span()) % stride == 0;
  }
  int64_t outputs(int64_t side) const { return (side + 2 * pad - span()) / stride + 1; }

  friend bool operator==(const Conv2dWindow&, const Conv2dWindow&) = default;
};

// 4 x 4, stride 2, "SAME": halves the picture.
inline constexpr Conv2dWindow kHalving{4, 2, 1, 1};

struct Conv2dShape {
  int64_t n, h, w, ci, co;  // of x; co of y
  Conv2dWindow window = kHalving;

  int64_t ho() const { return window.outputs(h); }
  int64_t wo() const { return window.outputs(w); }
  Shape x() const { return {n, h, w, ci}; }
  Shape y() const { return {n, ho(), wo(), co}; }
  Shape weight() const { return {co, window.kernel, window.kernel, ci}; }
  // Multiplications and additions of each of the three products.
  int64_t flop() const { return 2 * y().elements() * window.kernel * window.kernel * ci; }
};

int64_t conv2d_workspace_bytes(const Context& ctx, const Conv2dShape& shape, DType dtype);

// y is overwritten.
void conv2d_forward(const Context& ctx, const Conv2dWindow& window, const Tensor& x, const Tensor& w,
                    const Tensor& y);

// dx = sum over the outputs a pixel took part in of dy * w; overwritten.
void conv2d_backward_data(const Context& ctx, const Conv2dWindow& window, const Tensor& dy, const Tensor& w,
                          const Tensor& dx);

// dw = sum over images and output pixels of dy * x.
void conv2d_backward_weight(const Context& ctx, const Conv2dWindow& window, const Tensor& x, const Tensor& dy,
                            const Tensor& dw, GradMode mode);

}  // namespace inpaint
