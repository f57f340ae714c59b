// The sign of a finite number, for the CPU kernels of this folder: without a branch on the sign, which random
// data would mispredict half the time.
#pragma once

#include <cmath>

namespace inpaint::cpu {

template <typename T>
T sign(T d) {
  return d == 0 ? T{0} : std::copysign(T{1}, d);
}

}  // namespace inpaint::cpu
