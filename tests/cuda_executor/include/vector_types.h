// Stand-in for CUDA's <vector_types.h>: the small vectors with CUDA's sizes and alignments.
#pragma once

#define INPAINT_VECTOR_TYPES(name, type, alignment2, alignment4) \
  struct name##1 {                                               \
    type x;                                                      \
  };                                                             \
  struct alignas(alignment2) name##2 {                           \
    type x, y;                                                   \
  };                                                             \
  struct name##3 {                                               \
    type x, y, z;                                                \
  };                                                             \
  struct alignas(alignment4) name##4 {                           \
    type x, y, z, w;                                             \
  }

INPAINT_VECTOR_TYPES(char, signed char, 2, 4);
INPAINT_VECTOR_TYPES(uchar, unsigned char, 2, 4);
INPAINT_VECTOR_TYPES(short, short, 4, 8);
INPAINT_VECTOR_TYPES(ushort, unsigned short, 4, 8);
INPAINT_VECTOR_TYPES(int, int, 8, 16);
INPAINT_VECTOR_TYPES(uint, unsigned, 8, 16);
INPAINT_VECTOR_TYPES(float, float, 8, 16);
INPAINT_VECTOR_TYPES(longlong, long long, 16, 16);
INPAINT_VECTOR_TYPES(ulonglong, unsigned long long, 16, 16);
INPAINT_VECTOR_TYPES(double, double, 16, 16);

#undef INPAINT_VECTOR_TYPES

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned vx = 1, unsigned vy = 1, unsigned vz = 1) : x(vx), y(vy), z(vz) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  constexpr operator uint3() const { return {x, y, z}; }
};
