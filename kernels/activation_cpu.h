// The activations of activation.h for the CPU kernels of this folder: branch-free, so that loops over them
// vectorize, and a NaN goes through instead of turning into a 0.
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "core/error.h"
#include "kernels/activation.h"

namespace inpaint::cpu {

template <Activation A, typename T>
T activate(T z) {
  if constexpr (A == Activation::kRelu) return std::max(z, T{0});
  if constexpr (A == Activation::kLeakyRelu) return std::max(z, static_cast<T>(kLeakySlope) * z);
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

}  // namespace inpaint::cpu
