// CUDA's device functions on values, and its loads and stores with a cache hint (plain ones here). The fast
// intrinsics (__expf, ...) give the exact function's value: their error on a GPU is a tolerance of the test.
// Part of the stand-in for <cuda_runtime.h>.
#pragma once

#include <math.h>

#include <bit>
#include <cstdint>

#include "vector_types.h"

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float __expf(float x) { return expf(x); }
inline float __exp10f(float x) { return powf(10.0f, x); }
inline float __logf(float x) { return logf(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __saturatef(float x) { return x > 1.0f ? 1.0f : x > 0.0f ? x : 0.0f; }  // NaN becomes 0

inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fsub_rn(float x, float y) { return x - y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __frsqrt_rn(float x) { return static_cast<float>(1.0 / sqrt(static_cast<double>(x))); }
inline double __dadd_rn(double x, double y) { return x + y; }
inline double __dmul_rn(double x, double y) { return x * y; }
inline double __fma_rn(double x, double y, double z) { return fma(x, y, z); }

inline float __int2float_rn(int x) { return static_cast<float>(x); }
inline float __uint2float_rn(unsigned x) { return static_cast<float>(x); }
inline float __double2float_rn(double x) { return static_cast<float>(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline long long __double_as_longlong(double x) { return std::bit_cast<long long>(x); }
inline double __longlong_as_double(long long x) { return std::bit_cast<double>(x); }

// Conversions saturate on a GPU, and NaN becomes 0; in C++ both are undefined.
template <typename I>
inline I inpaint_saturating_round(double rounded, double low, double high) {
  if (rounded != rounded) return 0;
  return static_cast<I>(rounded < low ? low : rounded > high ? high : rounded);
}
inline int __float2int_rn(float x) { return inpaint_saturating_round<int>(rint(x), -0x1p31, 0x1p31 - 1); }
inline int __float2int_rz(float x) { return inpaint_saturating_round<int>(trunc(x), -0x1p31, 0x1p31 - 1); }
inline int __float2int_rd(float x) { return inpaint_saturating_round<int>(floor(x), -0x1p31, 0x1p31 - 1); }
inline int __float2int_ru(float x) { return inpaint_saturating_round<int>(ceil(x), -0x1p31, 0x1p31 - 1); }
inline unsigned __float2uint_rn(float x) {
  return inpaint_saturating_round<unsigned>(rint(x), 0, 0x1p32 - 1);
}
inline unsigned __float2uint_rz(float x) {
  return inpaint_saturating_round<unsigned>(trunc(x), 0, 0x1p32 - 1);
}

inline int __popc(unsigned x) { return std::popcount(x); }
inline int __popcll(unsigned long long x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __clzll(long long x) { return std::countl_zero(static_cast<unsigned long long>(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline unsigned __umulhi(unsigned x, unsigned y) { return static_cast<unsigned>((uint64_t{x} * y) >> 32); }
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<unsigned long long>((Wide{x} * y) >> 64);
}

// Smaller and larger of two numbers of one type; of a number and NaN, the number.
#define INPAINT_MIN_MAX(type)                                  \
  constexpr type min(type x, type y) { return y < x ? y : x; } \
  constexpr type max(type x, type y) { return x < y ? y : x; }
INPAINT_MIN_MAX(int)
INPAINT_MIN_MAX(unsigned)
INPAINT_MIN_MAX(long)
INPAINT_MIN_MAX(unsigned long)
INPAINT_MIN_MAX(long long)
INPAINT_MIN_MAX(unsigned long long)
#undef INPAINT_MIN_MAX
inline float min(float x, float y) { return fminf(x, y); }
inline float max(float x, float y) { return fmaxf(x, y); }
inline double min(double x, double y) { return fmin(x, y); }
inline double max(double x, double y) { return fmax(x, y); }

template <typename T>
T __ldg(const T* pointer) {
  return *pointer;
}
template <typename T>
T __ldca(const T* pointer) {
  return *pointer;
}
template <typename T>
T __ldcg(const T* pointer) {
  return *pointer;
}
template <typename T>
T __ldcs(const T* pointer) {
  return *pointer;
}
template <typename T>
void __stcg(T* pointer, T value) {
  *pointer = value;
}
template <typename T>
void __stcs(T* pointer, T value) {
  *pointer = value;
}
template <typename T>
void __stwt(T* pointer, T value) {
  *pointer = value;
}
