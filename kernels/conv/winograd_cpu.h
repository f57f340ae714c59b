// Winograd's F(2 x 2, 2 x 2) and F(2 x 2, 3 x 3), by which the CPU's convolutions (conv2d_winograd_cpu.h)
// make 9 products of 16, and 16 of 36.
//
// F(2, 2): along one axis, two sums of two products
//
//   y0 = d0 g0 + d1 g1        m0 = (d0 - d1) g0        y0 = m0 + m1
//   y1 = d1 g0 + d2 g1   are  m1 = d1 (g0 + g1)        y1 = m1 + m2
//                             m2 = (d2 - d1) g1
//
// and for g, given the gradients of y0 and y1, dg0 = m0 + m1 and dg1 = m1 + m2 with m0 = (d0 - d1) dy0,
// m1 = d1 (dy0 + dy1), m2 = (d2 - d1) dy1.
//
// F(2, 3): along one axis, two sums of three products
//
//   y0 = d0 g0 + d1 g1 + d2 g2        m0 = (d0 - d2) g0                   y0 = m0 + m1 + m2
//   y1 = d1 g0 + d2 g1 + d3 g2   are  m1 = (d1 + d2) (g0 + g1 + g2) / 2   y1 = m1 - m2 + m3
//                                     m2 = (d2 - d1) (g0 - g1 + g2) / 2
//                                     m3 = (d3 - d1) g2
//
// and for g, dg0 = m0 + m1 + m2, dg1 = m1 - m2 and dg2 = m1 + m2 + m3 with the same factors of d, times dy0,
// (dy0 + dy1) / 2, (dy0 - dy1) / 2 and dy1.
//
// In two dimensions each step is done along both axes. Only sums, differences and halves: small integers stay
// exact. A value of d that is not finite is seen by the y it belongs to alone.
// (S. Winograd, Arithmetic Complexity of Computations, 1980; A. Lavin and S. Gray, arXiv:1509.09308.)
//
// For the kernels of this folder only.
#pragma once

#include <cstdint>

#include "core/device/bf16.h"

namespace inpaint::cpu {

// Products along an axis.
inline constexpr int kWinogradPoints = 3;      // F(2, 2)
inline constexpr int kWinogradWidePoints = 4;  // F(2, 3)

// The steps along an axis, for F(2, 2).

// d -> the factors of the points.
struct SignalPoints {
  static constexpr int kFrom = 3, kTo = 3;
  template <typename V>
  static void apply(const V& d0, const V& d1, const V& d2, V (&to)[kTo]) {
    to[0] = d0 - d1;
    to[1] = d1;
    to[2] = d2 - d1;
  }
};

// g, or the gradients of y -> the other factors.
struct PairPoints {
  static constexpr int kFrom = 2, kTo = 3;
  template <typename V>
  static void apply(const V& g0, const V& g1, V (&to)[kTo]) {
    to[0] = g0;
    to[1] = g0 + g1;
    to[2] = g1;
  }
};

// The points -> y, or the gradients of g.
struct PointSums {
  static constexpr int kFrom = 3, kTo = 2;
  template <typename V>
  static void apply(const V& m0, const V& m1, const V& m2, V (&to)[kTo]) {
    to[0] = m0 + m1;
    to[1] = m1 + m2;
  }
};

// Four values -> the points of their first three, to[0..2], and of their last three, to[2..4]; to[2] has the
// wrong sign for the latter, which a negated g0 makes good.
struct SharedSignalPoints {
  static constexpr int kFrom = 4, kTo = 5;
  template <typename V>
  static void apply(const V& d0, const V& d1, const V& d2, const V& d3, V (&to)[kTo]) {
    to[0] = d0 - d1;
    to[1] = d1;
    to[2] = d2 - d1;
    to[3] = d2;
    to[4] = d3 - d2;
  }
};

// The steps for F(2, 3).

struct WideSignalPoints {
  static constexpr int kFrom = 4, kTo = 4;
  template <typename V>
  static void apply(const V& d0, const V& d1, const V& d2, const V& d3, V (&to)[kTo]) {
    to[0] = d0 - d2;
    to[1] = d1 + d2;
    to[2] = d2 - d1;
    to[3] = d3 - d1;
  }
};

struct KernelPoints {
  static constexpr int kFrom = 3, kTo = 4;
  template <typename V>
  static void apply(const V& g0, const V& g1, const V& g2, V (&to)[kTo]) {
    to[0] = g0;
    to[1] = 0.5f * (g0 + g2 + g1);
    to[2] = 0.5f * (g0 + g2 - g1);
    to[3] = g2;
  }
};

struct WidePairPoints {
  static constexpr int kFrom = 2, kTo = 4;
  template <typename V>
  static void apply(const V& dy0, const V& dy1, V (&to)[kTo]) {
    to[0] = dy0;
    to[1] = 0.5f * (dy0 + dy1);
    to[2] = 0.5f * (dy0 - dy1);
    to[3] = dy1;
  }
};

struct WidePointSums {
  static constexpr int kFrom = 4, kTo = 2;
  template <typename V>
  static void apply(const V& m0, const V& m1, const V& m2, const V& m3, V (&to)[kTo]) {
    to[0] = m0 + (m1 + m2);
    to[1] = (m1 - m2) + m3;
  }
};

struct KernelSums {
  static constexpr int kFrom = 4, kTo = 3;
  template <typename V>
  static void apply(const V& m0, const V& m1, const V& m2, const V& m3, V (&to)[kTo]) {
    to[0] = m0 + (m1 + m2);
    to[1] = m1 - m2;
    to[2] = (m1 + m2) + m3;
  }
};

namespace winograd {

// Lanes that are computed in F; in memory they are of F or, where that is float, bf16. A vector goes in and
// out by reference: how one is passed by value depends on the instruction set.
template <typename F>
struct Vector {
  static constexpr int64_t kLanes = 64 / sizeof(F);
  typedef F Value __attribute__((vector_size(64)));
  typedef F Anywhere __attribute__((vector_size(64), aligned(alignof(F)), may_alias));
  typedef uint32_t Bits __attribute__((vector_size(64)));
  typedef uint32_t BitsAnywhere __attribute__((vector_size(64), aligned(2), may_alias));
  typedef uint16_t Halves __attribute__((vector_size(32)));
  typedef uint16_t HalvesAnywhere __attribute__((vector_size(32), aligned(2), may_alias));

  static void load(const F* from, Value& value) { value = *reinterpret_cast<const Anywhere*>(from); }
  static void store(F* to, const Value& value) { *reinterpret_cast<Anywhere*>(to) = value; }
  static void load(const bf16* from, Value& value) {
    value = (Value)(__builtin_convertvector(*reinterpret_cast<const HalvesAnywhere*>(from), Bits) << 16);
  }
  static void store(bf16* to, const Value& value) {
    Bits rounded;
    round(value, rounded);
    *reinterpret_cast<HalvesAnywhere*>(to) = __builtin_convertvector(rounded >> 16, Halves);
  }
  // to[2 l] = first[l], to[2 l + 1] = second[l]
  static void store_pairs(bf16* to, const Value& first, const Value& second) {
    Bits low, high;
    round(first, low);
    round(second, high);
    *reinterpret_cast<BitsAnywhere*>(to) = (low >> 16) | (high & 0xffff0000u);
  }

 private:
  // To bf16, in the upper half: to the nearest, ties to even; a NaN stays one.
  static void round(const Value& value, Bits& rounded) {
    const Bits all = (Bits)value, nan = (Bits)((all & 0x7fffffffu) > 0x7f800000u);
    rounded = (nan & (all | 0x400000u)) | (~nan & (all + 0x7fffu + ((all >> 16) & 1u)));
  }
};

template <typename F>
struct Scalar {
  static constexpr int64_t kLanes = 1;
  using Value = F;
  template <typename T>
  static void load(const T* from, Value& value) {
    value = *from;
  }
  template <typename T>
  static void store(T* to, Value value) {
    *to = static_cast<T>(value);
  }
  static void store_pairs(bf16* to, Value first, Value second) {
    to[0] = bf16(first);
    to[1] = bf16(second);
  }
};

template <typename Step, typename V>
void along_axis(const V (&from)[Step::kFrom], V (&to)[Step::kTo]) {
  if constexpr (Step::kFrom == 2) {
    Step::apply(from[0], from[1], to);
  } else if constexpr (Step::kFrom == 3) {
    Step::apply(from[0], from[1], from[2], to);
  } else {
    Step::apply(from[0], from[1], from[2], from[3], to);
  }
}

// Gives put(i, j, value) the results.
template <typename Step, typename Access, typename From, typename Put>
void transform_lanes(const From* const (&from)[Step::kFrom][Step::kFrom], int64_t at, Put&& put) {
  using V = typename Access::Value;
  V rows[Step::kTo][Step::kFrom];
  for (int j = 0; j < Step::kFrom; ++j) {
    V column[Step::kFrom], result[Step::kTo];
    for (int i = 0; i < Step::kFrom; ++i) Access::load(from[i][j] + at, column[i]);
    along_axis<Step>(column, result);
    for (int i = 0; i < Step::kTo; ++i) rows[i][j] = result[i];
  }
  for (int i = 0; i < Step::kTo; ++i) {
    V result[Step::kTo];
    along_axis<Step>(rows[i], result);
    for (int j = 0; j < Step::kTo; ++j) put(i, j, result[j]);
  }
}

// Calls lanes(access, channel) for whole vectors and then single channels.
template <typename F, typename Lanes>
void for_each_lanes(int64_t count, Lanes&& lanes) {
  int64_t c = 0;
  for (; c + Vector<F>::kLanes <= count; c += Vector<F>::kLanes) lanes(Vector<F>{}, c);
  for (; c < count; ++c) lanes(Scalar<F>{}, c);
}

}  // namespace winograd

// One step along both axes, for each of `count` channels: to[i][j][c] (+)= step of from[.][.][c].
template <typename Step, typename From, typename To>
void winograd_transform(const From* const (&from)[Step::kFrom][Step::kFrom], int64_t count,
                        To* const (&to)[Step::kTo][Step::kTo], bool add = false) {
  winograd::for_each_lanes<ArithmeticOf<From>>(count, [&]<typename Access>(Access, int64_t c) {
    winograd::transform_lanes<Step, Access>(from, c, [&](int i, int j, typename Access::Value& value) {
      To* const out = to[i][j] + c;
      if (add) {
        typename Access::Value before;
        Access::load(out, before);
        value = before + value;
      }
      Access::store(out, value);
    });
  });
}

// The same of two sources whose results alternate: to[i][j][2 c] and to[i][j][2 c + 1].
template <typename Step>
void winograd_transform_pairs(const bf16* const (&first)[Step::kFrom][Step::kFrom],
                              const bf16* const (&second)[Step::kFrom][Step::kFrom], int64_t count,
                              bf16* const (&to)[Step::kTo][Step::kTo]) {
  winograd::for_each_lanes<float>(count, [&]<typename Access>(Access, int64_t c) {
    typename Access::Value of_first[Step::kTo][Step::kTo];
    winograd::transform_lanes<Step, Access>(
        first, c, [&](int i, int j, const typename Access::Value& value) { of_first[i][j] = value; });
    winograd::transform_lanes<Step, Access>(second, c,
                                            [&](int i, int j, const typename Access::Value& value) {
                                              Access::store_pairs(to[i][j] + 2 * c, of_first[i][j], value);
                                            });
  });
}

}  // namespace inpaint::cpu
