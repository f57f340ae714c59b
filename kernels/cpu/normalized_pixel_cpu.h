// Bytes of pictures as the numbers that networks compute with, for the CPU kernels.
#pragma once

#include <cstdint>

#include "core/device/bf16.h"

namespace inpaint::cpu {

// T is what the caller computes in: float or double.
template <typename T>
T normalized(uint8_t byte) {
  return (static_cast<T>(byte) - T(127.5)) / T(127.5);
}

template <typename T>
void normalize(int64_t n, const uint8_t* bytes, T* values) {
  for (int64_t i = 0; i < n; ++i) values[i] = static_cast<T>(normalized<ArithmeticOf<T>>(bytes[i]));
}

}  // namespace inpaint::cpu
