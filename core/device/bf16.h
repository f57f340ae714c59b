// bfloat16: the upper half of a float. Storage only: arithmetic is done in float.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

namespace inpaint {

struct bf16 {
  uint16_t bits;

  bf16() = default;
  // To the nearest, ties to even; a NaN stays one.
  explicit bf16(float value) {
    const uint32_t all = std::bit_cast<uint32_t>(value);
    const uint32_t rounded = (all + 0x7fffu + ((all >> 16) & 1u)) >> 16;
    bits = static_cast<uint16_t>((all & 0x7fffffffu) > 0x7f800000u ? (all >> 16) | 0x40u : rounded);
  }
  explicit bf16(double value) : bf16(static_cast<float>(value)) {}
  operator float() const { return std::bit_cast<float>(uint32_t{bits} << 16); }  // NOLINT: exact
};
static_assert(sizeof(bf16) == 2);

// What arithmetic on values of T is done in: float for bf16, else T itself. Parameters are of this type.
template <typename T>
using ArithmeticOf = std::conditional_t<std::is_same_v<T, bf16>, float, T>;

}  // namespace inpaint
