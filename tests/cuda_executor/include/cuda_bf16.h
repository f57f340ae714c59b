// Stand-in for CUDA's <cuda_bf16.h>: bfloat16, the upper half of a float, and its conversions, which round to
// nearest even.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "device_threads.h"
#include "vector_types.h"

struct __nv_bfloat16_raw {
  unsigned short x;
};

class __nv_bfloat16 {
 public:
  __nv_bfloat16() = default;  // trivial, so that it can be shared memory
  __nv_bfloat16(__nv_bfloat16_raw raw) : __x(raw.x) {}
  __nv_bfloat16(float value) : __x(round(value)) {}
  __nv_bfloat16(double value) : __nv_bfloat16(static_cast<float>(value)) {}
  __nv_bfloat16(int value) : __nv_bfloat16(static_cast<float>(value)) {}

  operator __nv_bfloat16_raw() const { return {__x}; }
  operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(__x) << 16); }

 protected:
  static unsigned short round(float value) {
    if (std::isnan(value)) return 0x7fff;
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    return static_cast<unsigned short>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
  }
  unsigned short __x;
};

struct alignas(4) __nv_bfloat162 {
  __nv_bfloat16 x, y;
  __nv_bfloat162() = default;
  __nv_bfloat162(__nv_bfloat16 low, __nv_bfloat16 high) : x(low), y(high) {}
};

using nv_bfloat16 = __nv_bfloat16;
using nv_bfloat162 = __nv_bfloat162;

inline __nv_bfloat16 __float2bfloat16(float value) { return value; }
inline __nv_bfloat16 __float2bfloat16_rn(float value) { return value; }
inline float __bfloat162float(__nv_bfloat16 value) { return value; }
inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 value) { return __nv_bfloat16_raw(value).x; }
inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits) { return __nv_bfloat16_raw{bits}; }

inline __nv_bfloat162 __float22bfloat162_rn(float2 v) { return {v.x, v.y}; }
inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y) { return {x, y}; }
inline __nv_bfloat162 __float2bfloat162_rn(float value) { return {value, value}; }
inline __nv_bfloat162 __halves2bfloat162(__nv_bfloat16 x, __nv_bfloat16 y) { return {x, y}; }
inline __nv_bfloat162 __bfloat162bfloat162(__nv_bfloat16 value) { return {value, value}; }
inline float2 __bfloat1622float2(__nv_bfloat162 v) { return {v.x, v.y}; }
inline __nv_bfloat16 __low2bfloat16(__nv_bfloat162 v) { return v.x; }
inline __nv_bfloat16 __high2bfloat16(__nv_bfloat162 v) { return v.y; }
inline float __low2float(__nv_bfloat162 v) { return v.x; }
inline float __high2float(__nv_bfloat162 v) { return v.y; }

// Not offered: on a GPU they round to bfloat16, while the conversion to float would make them exact here.
// Kernels convert, compute in float, and round once.
__nv_bfloat16 operator+(__nv_bfloat16, __nv_bfloat16) = delete;
__nv_bfloat16 operator-(__nv_bfloat16, __nv_bfloat16) = delete;
__nv_bfloat16 operator*(__nv_bfloat16, __nv_bfloat16) = delete;
__nv_bfloat16 operator/(__nv_bfloat16, __nv_bfloat16) = delete;

template <typename T>
requires(std::is_same_v<T, __nv_bfloat16> || std::is_same_v<T, __nv_bfloat162>) T
    __shfl_xor_sync(unsigned mask, T value, int lanes, int width = warpSize,
                    inpaint::executor::Site site = inpaint::executor::Site::here()) {
  return inpaint::executor::shuffle(inpaint::executor::WarpOp::kShuffleXor, mask, value, lanes, width, site);
}
template <typename T>
requires(std::is_same_v<T, __nv_bfloat16> || std::is_same_v<T, __nv_bfloat162>) T
    __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize,
                     inpaint::executor::Site site = inpaint::executor::Site::here()) {
  return inpaint::executor::shuffle(inpaint::executor::WarpOp::kShuffleDown, mask, value,
                                    static_cast<int>(delta), width, site);
}
