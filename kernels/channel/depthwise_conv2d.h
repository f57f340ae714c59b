// Depthwise convolution: each channel has a filter of its own. Forward only, and on the CPU only: the
// networks that judge pictures (train/features) have it, none that is trained.
//
//   y[n, i, j, c] = sum_{ky, kx} x[n, s i + ky - p, s j + kx - p, c] * w[ky, kx, c]
//
// a cross-correlation with a k x k kernel, stride s and p pixels of padding on the left and above:
//
//   x [n, h, w, c]     w [k, k, c]     y [n, ho, wo, c], overwritten; it does not overlap x
//
// Pixels outside of the picture are 0. ho and wo are the caller's: windows may reach beyond the right and the
// lower border too, so that the padding there may be another. f32 or f64, all alike. Sums run over ky, then
// kx: same input, same bits, for any number of threads.
#pragma once

#include "core/device/context.h"

namespace inpaint {

struct DepthwiseWindow {
  int64_t stride = 1, pad = 0;  // at least 1; 0 to k - 1
};

void depthwise_conv2d_forward(const Context& ctx, const DepthwiseWindow& window, const Tensor& x,
                              const Tensor& w, const Tensor& y);

}  // namespace inpaint
