// The vectors the register tiles compute with, in the width that tile_kernels.h is compiled for. A
// Simd<T> knows
//   Vector   sums                      load, store; store_rounded rounds them to T
//   Operand  what a step multiplies    operand, store_operand; in bf16 pairs of values
//   step     a row's next values, for all lanes alike
// For tile_kernels.h only, under its rules.
#pragma once

#include <cstdint>

#include "core/device/bf16.h"

#ifdef INPAINT_TILE_BF16_DOT
#include <immintrin.h>
#endif

#ifdef __clang__
#define INPAINT_UNROLL _Pragma("clang loop unroll(full)")
#else
#define INPAINT_UNROLL _Pragma("GCC unroll 16")
#endif

namespace inpaint::cpu {
namespace {

template <typename T>
struct Simd {
  static constexpr int kLanes = INPAINT_TILE_BYTES / sizeof(T), kStep = 1;
  typedef T Vector __attribute__((vector_size(INPAINT_TILE_BYTES)));
  typedef T Anywhere __attribute__((vector_size(INPAINT_TILE_BYTES), aligned(alignof(T)), may_alias));
  using Operand = Vector;

  static T zero() { return T{0}; }
  static Vector load(const T* from) { return *reinterpret_cast<const Anywhere*>(from); }
  static void store(T* to, Vector value) { *reinterpret_cast<Anywhere*>(to) = value; }
  static void store_rounded(T* to, Vector value) { store(to, value); }
  static Operand operand(const T* from) { return load(from); }
  static void store_operand(T* to, Operand value) { store(to, value); }
  static T step(const T* from) { return *from; }
  static Vector multiply_add(T a, Operand b, Vector sum) { return sum + a * b; }
};

// A lane holds a pair of bf16, the first in the lower half. Without instructions for it a product is made of
// two in f32, whose values are the pair's bits moved into place.
template <>
struct Simd<bf16> {
  static constexpr int kLanes = INPAINT_TILE_BYTES / 4, kStep = 2;
  typedef float Vector __attribute__((vector_size(INPAINT_TILE_BYTES)));
  typedef uint32_t Operand __attribute__((vector_size(INPAINT_TILE_BYTES)));
  typedef uint32_t Anywhere __attribute__((vector_size(INPAINT_TILE_BYTES), aligned(2), may_alias));
  typedef uint16_t Halves __attribute__((vector_size(INPAINT_TILE_BYTES)));  // the values one by one
  typedef uint16_t HalvesAnywhere __attribute__((vector_size(INPAINT_TILE_BYTES), aligned(2), may_alias));
  typedef uint16_t Rounded __attribute__((vector_size(INPAINT_TILE_BYTES / 2)));
  typedef uint16_t RoundedAnywhere
      __attribute__((vector_size(INPAINT_TILE_BYTES / 2), aligned(2), may_alias));

  static bf16 zero() {
    bf16 value;
    value.bits = 0;
    return value;
  }
  static Vector load(const float* from) { return Simd<float>::load(from); }
  static void store(float* to, Vector value) { Simd<float>::store(to, value); }
  static Operand operand(const bf16* from) { return *reinterpret_cast<const Anywhere*>(from); }
  static void store_operand(bf16* to, Operand value) { *reinterpret_cast<Anywhere*>(to) = value; }
  static uint32_t step(const bf16* from) {
    uint32_t pair;
    __builtin_memcpy(&pair, from, sizeof(pair));
    return pair;
  }
  static Halves halves(const bf16* from) { return *reinterpret_cast<const HalvesAnywhere*>(from); }
  static void store_halves(bf16* to, Halves value) { *reinterpret_cast<HalvesAnywhere*>(to) = value; }

#ifdef INPAINT_TILE_BF16_DOT
  static Vector multiply_add(uint32_t a, Operand b, Vector sum) {
    return (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32(static_cast<int>(a)),
                                    (__m512bh)b);
  }
  static void store_rounded(bf16* to, Vector value) {
    store_values(to, (Rounded)_mm512_cvtneps_pbh((__m512)value));
  }
#else
  static Vector multiply_add(uint32_t a, Operand b, Vector sum) {
    const Operand low = b << 16, high = b & 0xffff0000u;
    sum = sum + as_float(a << 16) * (Vector)low;
    return sum + as_float(a & 0xffff0000u) * (Vector)high;
  }
  static void store_rounded(bf16* to, Vector value) {  // to the nearest, ties to even; a NaN stays one
    const Operand bits = (Operand)value, upper = bits >> 16;
    const Operand rounded = (bits + 0x7fffu + (upper & 1u)) >> 16;
    const Operand nan = (Operand)((bits & 0x7fffffffu) > 0x7f800000u);
    store_values(to, __builtin_convertvector((nan & (upper | 0x40u)) | (~nan & rounded), Rounded));
  }
#endif

 private:
  static void store_values(bf16* to, Rounded value) { *reinterpret_cast<RoundedAnywhere*>(to) = value; }
  static float as_float(uint32_t bits) {
    float value;
    __builtin_memcpy(&value, &bits, sizeof(value));
    return value;
  }
};

}  // namespace
}  // namespace inpaint::cpu
