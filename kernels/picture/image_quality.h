// How far apart two sets of byte pictures are, one figure per picture, over the pixels that a mask names.
//
//   byte_errors:  absolute_error[n] = sum |a - b|     squared_error[n] = sum (a - b)^2
//                 over the channels of the missing pixels
//   psnr:         10 log10(255^2 values / squared_error)        decibel
//   ssim:         the mean, over channels and the windows that count, of
//                 (2 ma mb + c1)(2 cab + c2) / ((ma^2 + mb^2 + c1)(va + vb + c2))
//                 with the window's means m, and variances v and covariance c divided by 48 (sample
//                 statistics); c1 = (0.01 * 255)^2, c2 = (0.03 * 255)^2
//
//   a, b u8 [N, H, W, C]     absolute_error, squared_error, ssim f64 [N], overwritten
//   mask u8 [N, H, W]        0: known; everything else: missing. Without data: every pixel is missing
//
// A window of ssim has 7 x 7 pixels and lies wholly inside the picture. It counts when its centre is missing.
// Where no centre is missing (the hole lies within 3 pixels of the border), a window counts when any of its
// pixels is missing. So known pixels around the hole take part, and all forms of holes have one definition. A
// picture without a missing pixel has no error, and ssim 1.
//
// The errors are integers, exact below 2^53 (pictures of up to 10^11 values). The window sums of ssim are
// exact too; identical pictures give exactly 1. A mask that is missing everywhere gives the bits of no mask.
// ssim throws ShapeError for pictures smaller than 7 x 7 and needs ssim_workspace_bytes() of workspace.
// Sources: Wang et al. 2004 (doi:10.1109/TIP.2003.819861) as scikit-image's structural_similarity computes it
// by default (its map, full=True, averaged over the missing pixels), and peak_signal_noise_ratio, both with
// data_range 255.
#pragma once

#include <optional>

#include "core/device/context.h"

namespace inpaint {

inline constexpr int64_t kSsimWindow = 7;

void byte_errors(const Context& ctx, const Tensor& a, const Tensor& b, const Tensor& mask,
                 const Tensor& absolute_error, const Tensor& squared_error);

// For `values` bytes in all. Pictures without error have no finite PSNR: no value.
std::optional<double> psnr(double squared_error, double values);

int64_t ssim_workspace_bytes(const Context& ctx, const Shape& a);
void ssim(const Context& ctx, const Tensor& a, const Tensor& b, const Tensor& mask, const Tensor& ssim);

}  // namespace inpaint
