// A layer's weight divided by an estimate of its largest singular value. Each call makes one step of the
// power method. A discriminator whose weights are divided so cannot change its scores arbitrarily fast.
//
//   v = W^T u / |W^T u|      sigma = |W v|      next_u = W v / sigma      normed = W / sigma
//
//   dweight = (dnormed - <dnormed, W / sigma> next_u v^T) / sigma
//
// The gradient takes next_u and v for constants: it is that of W / (next_u^T W v).
//
//   weight f [K, ...]         W, seen as a matrix [K, R]; f is f32 or f64
//   u f [K]                   not 0; of any length
//   next_u f [K], v f [R], sigma f [1]      overwritten; next_u is not u
//   normed [K, ...]           bf16 where f is f32, or f; overwritten
//   dnormed, dweight f [K, ...]             dweight by mode
//
// Where W^T u is 0, v is 0. Where sigma is 0, next_u is u, and normed and the gradient are 0: a W of zeros
// gives no NaN.
//
// All sums are made in double, in an order that follows from the shape. Both ops need
// spectral_norm_workspace_bytes(). Source: Miyato et al. 2018 (arXiv:1802.05957), algorithm 1 and their
// gradient of a normalized weight.
#pragma once

#include "core/device/context.h"
#include "kernels/grad_mode.h"

namespace inpaint {

struct SpectralNorm {
  Tensor next_u, v, sigma;
};

int64_t spectral_norm_workspace_bytes(const Context& ctx, const Shape& weight);
void spectral_norm(const Context& ctx, const Tensor& weight, const Tensor& u, const SpectralNorm& out,
                   const Tensor& normed);
// norm is what spectral_norm wrote for this weight.
void spectral_norm_backward(const Context& ctx, const Tensor& dnormed, const Tensor& weight,
                            const SpectralNorm& norm, const Tensor& dweight, GradMode mode);

}  // namespace inpaint
