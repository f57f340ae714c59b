// Weight decay, clipping and Adam as TensorFlow writes it, one pass over a network's one parameter array.
//
//   g  = grad_scale grad                  rounded to f; g = grad when there is no grad_scale
//   g  = g + weight_decay w               for the first `decayed` elements (the weights)
//   g  = min(max(g, -clip), clip)         when clip is set; after the decay
//   m  = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
//   w -= lr_t m / (sqrt(v) + epsilon)     lr_t = learning_rate sqrt(1 - beta2^t) / (1 - beta1^t)
//
//   rate f64[1]                  lr_t. It lives on the device because it changes at every update: a recorded
//                                step can be replayed.
//   grad f [P]                   only read; f is f32 or f64, alike within a call
//   param, m, v f [P]            updated in place
//   grad_scale f64[1]            on the device like the rate (adaptive_clip.h); empty: no scale, the same
//                                bits as with a scale of 1
//   weights_bf16 bf16[decayed]   the first `decayed` elements after the update, rounded; skipped when empty
//   half_squares f64[1]          the sum over the first `decayed` elements of w^2 / 2 before the update, for
//                                the weight-decay loss; skipped when empty
//
// half_squares is summed in a fixed order: a few neighbours in f, and these sums in double.
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

// The arrays of one update; an empty tensor is one that is not there.
struct AdamArrays {
  Tensor grad, param, m, v;
  Tensor grad_scale{};
  Tensor weights_bf16{}, half_squares{};
};

int64_t adam_workspace_bytes(const Context& ctx, int64_t parameters);

// lr_t of update t, from 1.
double adam_rate(const AdamOptions& options, int64_t t);

void adam(const Context& ctx, const AdamOptions& options, const Tensor& rate, int64_t decayed,
          const AdamArrays& arrays);

}  // namespace inpaint
