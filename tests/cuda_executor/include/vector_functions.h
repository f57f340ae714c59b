// Stand-in for CUDA's <vector_functions.h>: make_float4 and its kin.
#pragma once

#include "vector_types.h"

#define INPAINT_MAKE_VECTOR(name, type)                                                     \
  constexpr name##1 make_##name##1(type x) { return {x}; }                                  \
  constexpr name##2 make_##name##2(type x, type y) { return {x, y}; }                       \
  constexpr name##3 make_##name##3(type x, type y, type z) { return {x, y, z}; }            \
  constexpr name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; } \
  static_assert(sizeof(name##4) == 4 * sizeof(type))

INPAINT_MAKE_VECTOR(char, signed char);
INPAINT_MAKE_VECTOR(uchar, unsigned char);
INPAINT_MAKE_VECTOR(short, short);
INPAINT_MAKE_VECTOR(ushort, unsigned short);
INPAINT_MAKE_VECTOR(int, int);
INPAINT_MAKE_VECTOR(uint, unsigned);
INPAINT_MAKE_VECTOR(float, float);
INPAINT_MAKE_VECTOR(longlong, long long);
INPAINT_MAKE_VECTOR(ulonglong, unsigned long long);
INPAINT_MAKE_VECTOR(double, double);

#undef INPAINT_MAKE_VECTOR
