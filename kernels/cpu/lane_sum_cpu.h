// Sums of one value per element, for the CPU kernels of this folder: in double, in an order that depends on
// the number of elements only, and fit for vector registers without leave to reorder sums.
#pragma once

#include <algorithm>
#include <cstdint>

namespace inpaint::cpu {

class LaneSum {
 public:
  // Adds term(begin), ..., term(end - 1); term may also write. Lane l takes every 16th term from the l-th on.
  template <typename F>
  void add(int64_t begin, int64_t end, F&& term) {
    double lanes[kLanes];  // in registers: term might write what a member's address could reach
    std::copy_n(lanes_, kLanes, lanes);
    int64_t i = begin;
    for (; i + kLanes <= end; i += kLanes)
#pragma GCC ivdep
      for (int64_t l = 0; l < kLanes; ++l) lanes[l] += static_cast<double>(term(i + l));
    for (int64_t l = 0; i + l < end; ++l) lanes[l] += static_cast<double>(term(i + l));
    std::copy_n(lanes, kLanes, lanes_);
  }

  double total() const {
    double sum = 0;
    for (const double lane : lanes_) sum += lane;
    return sum;
  }

 private:
  static constexpr int64_t kLanes = 16;
  double lanes_[kLanes] = {};
};

inline double sum_in_order(const double* partial, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += partial[i];
  return sum;
}

}  // namespace inpaint::cpu
