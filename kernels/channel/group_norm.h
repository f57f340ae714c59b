// Group norm with an optional addend and the activation behind it (Wu & He 2018, "Group Normalization").
//
//   x [N, ..., C] read as [N, M, C]; the C channels form G groups of C / G neighbours
//   mean[n,g] = the mean of x over the M rows and the channels of group g
//   rstd[n,g] = 1 / sqrt(s2 + epsilon), where s2 is the biased variance of the same values
//   xhat = (x - mean) rstd       z = gamma xhat + beta + addend       y = act(z)
//
// There are no running averages: training and inference compute the same.
//
// Backward, with dz = dy act'(z). The sign of y tells the side of the activation's kink.
//   dgamma[c] = sum over n and M of dz xhat       dbeta[c] = sum over n and M of dz
//                                                       by parameter_mode; each skipped when empty
//   h = gamma dz        dx = rstd (h - mean_g(h) - xhat mean_g(h xhat))       overwritten
//                       mean_g: the mean over the M rows and the channels of the value's group
//   daddend = dz                                        by addend_mode; skipped when empty
//
//   x, y, addend and their gradients [N, ..., C], all bf16, f32 or f64
//   gamma, beta, dgamma, dbeta [C]; mean, rstd [N, G]; f64 beside f64, else f32
//
// Memory: y may be x or the addend (backward needs x). dx may be dy. daddend may be dy, if dx is not dy and
// addend_mode is kOverwrite. No other output may overlap a tensor of the same call. With kNone backward does
// not read y, which may then be empty.
//
// act is kNone, kRelu or kLeakyRelu. M >= 1, and G divides C. Sums run in a fixed order: of a few
// neighbouring rows in the type of mean, of those sums in double, by fixed row blocks of each picture. The
// bits are the same for any number of threads. A GPU takes at most 16384 * 32 / C pictures, C rounded up to a
// multiple of 32. Both ops need group_norm_workspace_bytes(). Throws ShapeError for a wrong tensor.
#pragma once

#include "core/device/context.h"
#include "kernels/activation.h"
#include "kernels/grad_mode.h"

namespace inpaint {

struct GroupNormOptions {
  int64_t groups;
  double epsilon;
  Activation act;
};

int64_t group_norm_workspace_bytes(const Context& ctx, const Shape& x, int64_t groups);

struct GroupNormForward {
  Tensor x, gamma, beta;
  Tensor addend = {};  // empty: none
  Tensor mean, rstd, y;
};
void group_norm_forward(const Context& ctx, const GroupNormOptions& norm, const GroupNormForward& tensors);

struct GroupNormBackward {
  Tensor x, y, mean, rstd, gamma, dy;
  Tensor dx;
  Tensor dgamma = {}, dbeta = {}, daddend = {};  // empty: not wanted
  GradMode parameter_mode = GradMode::kOverwrite;
  GradMode addend_mode = GradMode::kOverwrite;
};
void group_norm_backward(const Context& ctx, const GroupNormOptions& norm, const GroupNormBackward& tensors);

}  // namespace inpaint
