// How far apart two sets of byte pictures are, one figure per picture.
//
//   byte_errors:  absolute_error[n] = sum_{h,w,c} |a - b|       squared_error[n] = sum_{h,w,c} (a - b)^2
//   psnr:         10 log10(255^2 values / squared_error)        decibel
//   ssim:         the mean, over channels and the (H - 6)(W - 6) windows of 7 x 7 pixels in the picture, of
//                 (2 ma mb + c1)(2 cab + c2) / ((ma^2 + mb^2 + c1)(va + vb + c2))
//                 with the window's means m, and variances v and covariance c divided by 48 (sample
//                 statistics); c1 = (0.01 * 255)^2, c2 = (0.03 * 255)^2
//
//   a, b u8 [N, H, W, C]     absolute_error, squared_error, ssim f64 [N], overwritten
//
// The errors are integers, exact below 2^53 (pictures of up to 10^11 values). The window sums of ssim are
// exact too; identical pictures give exactly 1. ssim throws ShapeError for pictures smaller than 7 x 7 and
// needs ssim_workspace_bytes() of workspace. Source: Wang et al. 2004 (doi:10.1109/TIP.2003.819861) as
// scikit-image's structural_similarity computes it by default, and peak_signal_noise_ratio, both with
// data_range 255.
#pragma once

#include <optional>

#include "core/device/context.h"

namespace inpaint {

inline constexpr int64_t kSsimWindow = 7;

void byte_errors(const Context& ctx, const Tensor& a, const Tensor& b, const Tensor& absolute_error,
                 const Tensor& squared_error);

// For pictures with `values` bytes in all. A perfect picture has no finite PSNR: no value.
std::optional<double> psnr(double squared_error, double values);

int64_t ssim_workspace_bytes(const Context& ctx, const Shape& a);
void ssim(const Context& ctx, const Tensor& a, const Tensor& b, const Tensor& ssim);

}  // namespace inpaint
