// The random numbers of one picture's mask, in the order in which they are asked for.
#pragma once

#include <cstdint>

#include "core/base/philox.h"

namespace inpaint {

class HoleDraws {
 public:
  HoleDraws(const Philox& random, uint64_t picture) : random_(random), picture_(picture) {}

  // Uniform in [0, bound); bound >= 1.
  int64_t below(int64_t bound) {
    return static_cast<int64_t>(random_.below(static_cast<uint32_t>(bound), picture_, round_++));
  }
  // Uniform in [low, high], both included.
  int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }
  // True with probability 1 / `whole`.
  bool one_in(int64_t whole) { return below(whole) == 0; }

 private:
  Philox random_;
  uint64_t picture_;
  uint32_t round_ = 0;
};

}  // namespace inpaint
