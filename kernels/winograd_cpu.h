// Winograd's F(2 x 2, 2 x 2), by which the CPU's convolutions (conv2d_winograd_cpu.h) make 9 products of 16. Along
// one axis, two sums of two products
//
//   y0 = d0 g0 + d1 g1        m0 = (d0 - d1) g0        y0 = m0 + m1
//   y1 = d1 g0 + d2 g1   are  m1 = d1 (g0 + g1)        y1 = m1 + m2
//                             m2 = (d2 - d1) g1
//
// and for g, given the gradients of y0 and y1, dg0 = m0 + m1 and dg1 = m1 + m2 with m0 = (d0 - d1) dy0,
// m1 = d1 (dy0 + dy1), m2 = (d2 - d1) dy1. In two dimensions each step is done along both axes. Only sums and
// differences: integers stay exact. Where values are 0, or not finite, only the sums they belong to see it.
// (S. Winograd, Arithmetic Complexity of Computations, 1980; A. Lavin and S. Gray, arXiv:1509.09308.)
//
// For the kernels of this folder only.
#pragma once

#include <cstdint>

namespace inpaint::cpu {

inline constexpr int kWinogradPoints = 3;  // products along an axis

// The steps along an axis.

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

namespace winograd {

// A vector goes in and out by reference: how one is passed by value depends on the instruction set.
template <typename T>
struct Vector {
  static constexpr int64_t kLanes = 64 / sizeof(T);
  typedef T Value __attribute__((vector_size(64)));
  typedef T Anywhere __attribute__((vector_size(64), aligned(alignof(T)), may_alias));
  static void load(const T* from, Value& value) { value = *reinterpret_cast<const Anywhere*>(from); }
  static void store(T* to, const Value& value) { *reinterpret_cast<Anywhere*>(to) = value; }
};

template <typename T>
struct Scalar {
  static constexpr int64_t kLanes = 1;
  using Value = T;
  static void load(const T* from, Value& value) { value = *from; }
  static void store(T* to, Value value) { *to = value; }
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

template <typename Step, typename Access, typename T>
void transform_lanes(const T* const (&from)[Step::kFrom][Step::kFrom], int64_t at,
                     T* const (&to)[Step::kTo][Step::kTo], bool add) {
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
    for (int j = 0; j < Step::kTo; ++j) {
      T* out = to[i][j] + at;
      if (add) {
        V before;
        Access::load(out, before);
        result[j] = before + result[j];
      }
      Access::store(out, result[j]);
    }
  }
}

}  // namespace winograd

// One step along both axes, for each of `count` channels: to[i][j][c] (+)= step of from[.][.][c].
template <typename Step, typename T>
void winograd_transform(const T* const (&from)[Step::kFrom][Step::kFrom], int64_t count,
                        T* const (&to)[Step::kTo][Step::kTo], bool add = false) {
  int64_t c = 0;
  for (; c + winograd::Vector<T>::kLanes <= count; c += winograd::Vector<T>::kLanes)
    winograd::transform_lanes<Step, winograd::Vector<T>>(from, c, to, add);
  for (; c < count; ++c) winograd::transform_lanes<Step, winograd::Scalar<T>>(from, c, to, add);
}

}  // namespace inpaint::cpu
