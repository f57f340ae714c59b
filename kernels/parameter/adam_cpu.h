// Adam's arithmetic on a stretch of parameters, for the CPU kernels of this folder; formulas in adam.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/device/bf16.h"
#include "kernels/cpu/lane_sum_cpu.h"
#include "kernels/parameter/adam.h"

namespace inpaint::cpu {

template <typename T>
struct AdamCoefficients {
  T beta1, rest1, beta2, rest2, rate, epsilon, decay, clip;

  AdamCoefficients(const AdamOptions& o, double lr_t)
      : beta1(static_cast<T>(o.beta1)),
        rest1(static_cast<T>(1 - o.beta1)),
        beta2(static_cast<T>(o.beta2)),
        rest2(static_cast<T>(1 - o.beta2)),
        rate(static_cast<T>(lr_t)),
        epsilon(static_cast<T>(o.epsilon)),
        decay(static_cast<T>(o.weight_decay)),
        clip(static_cast<T>(o.clip.value_or(std::numeric_limits<double>::infinity()))) {}
};

template <typename T>
void adam_update(const AdamCoefficients<T>& k, T decay, int64_t n, const T* __restrict__ grad,
                 T* __restrict__ w, T* __restrict__ m, T* __restrict__ v) {
  for (int64_t i = 0; i < n; ++i) {
    const T g = std::min(std::max(grad[i] + decay * w[i], -k.clip), k.clip);  // a NaN stays one
    m[i] = k.beta1 * m[i] + k.rest1 * g;
    v[i] = k.beta2 * v[i] + k.rest2 * (g * g);
    w[i] -= k.rate * m[i] / (std::sqrt(v[i]) + k.epsilon);
  }
}

// The same of n weights that decay, few enough to stay in the first cache: their copies in bf16 are written,
// and their squares before the update added to `squares`; either is skipped when null.
template <typename T>
void adam_update_weights(const AdamCoefficients<T>& k, int64_t n, const T* grad, T* w, T* m, T* v,
                         bf16* copies, LaneSum* squares) {
  if (squares != nullptr)
    squares->add(0, n, [=](int64_t i) { return static_cast<double>(w[i]) * static_cast<double>(w[i]); });
  adam_update(k, k.decay, n, grad, w, m, v);
  if (copies != nullptr) std::transform(w, w + n, copies, [](T value) { return bf16(value); });
}

}  // namespace inpaint::cpu
