// Batch norm with the bias before it and the activation behind it.
//
//   x [..., C] read as [M, C]: the product that feeds the layer, its bias NOT added
//   mean[c] = sum_m x / M          variance[c] = sum_m (x - mean)^2 / M        (biased, Ioffe & Szegedy 2015)
//   xhat = (x - mean) / sqrt(variance + epsilon)       z = gamma xhat + beta       y = act(z)
//
// A bias b added to x before a batch norm over batch statistics cancels in xhat: it leaves the arithmetic of
// training (its gradient is exactly 0), and shows in the running mean only:
//   running_mean = decay running_mean + (1 - decay) (mean + b)
//   running_variance = decay running_variance + (1 - decay) variance
// and in inference: xhat = (x + b - running_mean) / sqrt(running_variance + epsilon). A null bias is 0.
//
// Backward, with dz = dy act'(z), z recomputed from x; sums over the M rows:
//   dbeta = sum dz        dgamma = sum dz xhat          by mode; each skipped when null
//   dx = gamma / sqrt(variance + epsilon) (dz - sum dz / M - xhat sum(dz xhat) / M)
//                                                       overwritten; dx may be dy
//
// x, y, dx and dy all bf16, f32 or f64; gamma, beta, bias, mean, variance and the gradients of gamma and beta
// are [C], f64 beside f64, else f32. act is kNone, kRelu or kLeakyRelu. M >= 1. Sums run in a fixed order (of
// a few neighbouring rows in the type of mean, of those sums in double, by fixed row blocks): same bits for
// any number of threads. Statistics and backward need batch_norm_workspace_bytes().
#pragma once

#include <span>

#include "core/device/context.h"
#include "kernels/activation.h"
#include "kernels/grad_mode.h"

namespace inpaint {

int64_t batch_norm_workspace_bytes(const Context& ctx, const Shape& x);

void batch_norm_statistics(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance);

void batch_norm_forward(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                        const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                        const Tensor& y);

void batch_norm_inference(const Context& ctx, const Tensor& x, const Tensor* bias, const Tensor& running_mean,
                          const Tensor& running_variance, const Tensor& gamma, const Tensor& beta,
                          double epsilon, Activation act, const Tensor& y);

// The running averages of one batch norm, and the statistics that move them; all [C] and of one type.
struct RunningUpdate {
  Tensor mean, variance;
  Tensor bias;  // empty: null
  double decay;
  Tensor running_mean, running_variance;  // of no other update
};
// Makes all updates, of batch norms of any sizes and one type: those of a whole network are one launch on
// a GPU.
void batch_norm_update_running(const Context& ctx, std::span<const RunningUpdate> updates);

struct BatchNormGrads {
  const Tensor* dgamma = nullptr;
  const Tensor* dbeta = nullptr;
  GradMode mode = GradMode::kOverwrite;
};
void batch_norm_backward(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                         const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                         const Tensor& dy, const Tensor& dx, const BatchNormGrads& grads);

// Backward in two ops, for rows that several processes hold: between them the caller adds up the sums of all.
// sums f64 [2, C], on the device: sum dz and sum dz (x - mean) over the rows of x; the gradients of gamma and
// beta are those of these rows. Then dx, with the sums over all `rows` rows: M stands for `rows` there.
void batch_norm_gradient_sums(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                              const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                              const Tensor& dy, const Tensor& sums, const BatchNormGrads& grads);
void batch_norm_data_gradient(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                              const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                              const Tensor& dy, const Tensor& sums, int64_t rows, const Tensor& dx);

}  // namespace inpaint
