// Weight decay, clipping and Adam as TensorFlow writes it, one pass over a network's one parameter array.
//
//   g  = grad + weight_decay w            for the first `decayed` elements (the weights), else g = grad
//   g  = min(max(g, -clip), clip)         when clip is set; after the decay
//   m  = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
//   w -= lr_t m / (sqrt(v) + epsilon)     lr_t = learning_rate sqrt(1 - beta2^t) / (1 - beta1^t)
//
// param, grad, m, v [P], f32 or f64, all alike; param, m and v updated in place, grad only read. rate f64[1]
// = lr_t, in the device's memory: it is another at each update, and all else of a step is not. weights_bf16
// bf16[decayed] = the first `decayed` elements after the update, rounded; skipped when null. half_squares
// f64[1] = sum over the first `decayed` elements of w^2 / 2 before the update (the weight-decay loss of spec
// needs it); fixed order, a few neighbours in the type of param and these sums in double; skipped when null.
// Needs adam_workspace_bytes(). Source: Kingma & Ba 2015 (arXiv:1412.6980), section 2's efficient form;
// epsilon outside the correction.
#pragma once

#include <optional>

#include "core/device/context.h"

namespace inpaint {

struct AdamOptions {
  double learning_rate = 0.0002, beta1 = 0.5, beta2 = 0.9, epsilon = 1e-8;
  double weight_decay = 0;
  std::optional<double> clip = std::nullopt;
};

int64_t adam_workspace_bytes(const Context& ctx, int64_t parameters);

// lr_t of update t, from 1.
double adam_rate(const AdamOptions& options, int64_t t);

void adam(const Context& ctx, const AdamOptions& options, const Tensor& rate, int64_t decayed,
          const Tensor& grad, const Tensor& param, const Tensor& m, const Tensor& v,
          const Tensor* weights_bf16, const Tensor* half_squares);

}  // namespace inpaint
