// The activations of activation.h for the CPU kernels of this folder: branch-free, so that loops over them
// vectorize, and a NaN goes through instead of turning into a 0.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "core/base/error.h"
#include "kernels/activation.h"

namespace inpaint::cpu {

// tanh in single precision without a branch, to 3 units in the last place: near 0 a polynomial, else by way
// of exp(2 |x|), with the coefficients of S. Moshier's Cephes library (tanhf, expf).
inline float branch_free_tanh(float x) {
  const float magnitude = std::abs(x), square = x * x;
  float p = -5.70498872745e-3f;
  p = p * square + 2.06390887954e-2f;
  p = p * square - 5.37397155531e-2f;
  p = p * square + 1.33314422036e-1f;
  p = p * square - 3.33332819422e-1f;
  const float near_zero = p * square * x + x;

  const float y = 2 * std::min(magnitude, 10.0f);  // beyond it tanh is 1; a NaN stays one
  constexpr float kToInteger = 0x1.8p23f;          // the sum's last bits are the rounded integer
  const float rounded = y * 1.44269504088896341f + kToInteger, n = rounded - kToInteger;
  const float r = y - n * 0.693359375f + n * 2.12194440e-4f;
  float e = 1.9875691500e-4f;
  e = e * r + 1.3981999507e-3f;
  e = e * r + 8.3334519073e-3f;
  e = e * r + 4.1665795894e-2f;
  e = e * r + 1.6666665459e-1f;
  e = e * r + 5.0000001201e-1f;
  e = e * r * r + r + 1;
  const float power = std::bit_cast<float>((std::bit_cast<uint32_t>(rounded) << 23) + 0x3f800000u);
  const float far = std::copysign(1 - 2 / (e * power + 1), x);
  return magnitude < 0.625f ? near_zero : far;
}

template <Activation A, typename T>
T activate(T z) {
  if constexpr (A == Activation::kRelu) return std::max(z, T{0});
  if constexpr (A == Activation::kLeakyRelu) return std::max(z, static_cast<T>(kLeakySlope) * z);
  if constexpr (A == Activation::kTanh && std::is_same_v<T, float>) return branch_free_tanh(z);
  if constexpr (A == Activation::kTanh) return std::tanh(z);
  return z;
}

// dz from dy. `at` is z or y: the kinked activations keep the sign; tanh takes y.
template <Activation A, typename T>
T activation_gradient(T at, T dy) {
  if constexpr (A == Activation::kRelu) return at > 0 ? dy : T{0};
  if constexpr (A == Activation::kLeakyRelu) {
    const T sloped = static_cast<T>(kLeakySlope) * dy;
    return at > 0 ? dy : sloped;
  }
  if constexpr (A == Activation::kTanh) return dy * (1 - at * at);
  return dy;
}

template <Activation A>
using ActivationConstant = std::integral_constant<Activation, A>;

// Calls f with the activation as a type, so that the kernels' loops hold no branch over it.
template <typename F>
void visit_activation(Activation act, F&& f) {
  switch (act) {
    case Activation::kNone:
      return f(ActivationConstant<Activation::kNone>{});
    case Activation::kRelu:
      return f(ActivationConstant<Activation::kRelu>{});
    case Activation::kLeakyRelu:
      return f(ActivationConstant<Activation::kLeakyRelu>{});
    case Activation::kTanh:
      return f(ActivationConstant<Activation::kTanh>{});
  }
  throw Error("unknown activation");
}

// The activations that a norm may have behind it. No layer wants tanh there.
template <typename F>
void visit_kinked(Activation act, F&& f) {
  visit_activation(act, [&]<Activation A>(ActivationConstant<A> constant) {
    if constexpr (A != Activation::kTanh) f(constant);
  });
}

}  // namespace inpaint::cpu
