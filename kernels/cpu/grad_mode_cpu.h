// Writing a gradient by mode, for the CPU kernels of this folder.
#pragma once

#include <cstdint>
#include <type_traits>

#include "core/device/bf16.h"
#include "kernels/grad_mode.h"

namespace inpaint::cpu {

enum class Store { kSkip, kOverwrite, kAccumulate };

template <Store S>
using StoreConstant = std::integral_constant<Store, S>;

// Writes value i of a gradient, which is null where S is kSkip.
template <Store S, typename T>
void store(T* to, int64_t i, ArithmeticOf<T> value) {
  if constexpr (S == Store::kOverwrite) to[i] = static_cast<T>(value);
  if constexpr (S == Store::kAccumulate) to[i] = static_cast<T>(to[i] + value);
}

// Calls f with the way to write as a type, so that the kernels' loops hold no branch over it.
template <typename F>
void visit_store(bool wanted, GradMode mode, F&& f) {
  if (!wanted) return f(StoreConstant<Store::kSkip>{});
  if (mode == GradMode::kOverwrite) return f(StoreConstant<Store::kOverwrite>{});
  return f(StoreConstant<Store::kAccumulate>{});
}

}  // namespace inpaint::cpu
