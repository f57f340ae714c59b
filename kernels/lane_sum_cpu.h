// Sums of one value per element, for the CPU kernels of this folder: in double, in an order that depends on
// the number of elements only, and fit for vector registers without leave to reorder sums.
#pragma once

#include <cstdint>

namespace inpaint::cpu {

// term(begin) + ... + term(end - 1); term may also write. Lane l takes the terms l, l + 16, l + 32, ...
template <typename F>
double lane_sum(int64_t begin, int64_t end, F&& term) {
  constexpr int64_t kLanes = 16;
  double lanes[kLanes] = {};
  int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes)
#pragma GCC ivdep
    for (int64_t l = 0; l < kLanes; ++l) lanes[l] += static_cast<double>(term(i + l));
  for (int64_t l = 0; i + l < end; ++l) lanes[l] += static_cast<double>(term(i + l));
  for (int64_t half = kLanes / 2; half > 0; half /= 2)
    for (int64_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  return lanes[0];
}

inline double sum_in_order(const double* partial, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += partial[i];
  return sum;
}

}  // namespace inpaint::cpu
