// Operands of the linear products, and their results by the definition.
#pragma once

#include <vector>

#include "kernels/linear/linear.h"
#include "tests/harness/op_check.h"

namespace inpaint::test {

struct LinearCase {
  const Backend& backend;
  LinearShape s;
  GuardedTensor x, w, dy;
  std::vector<Bounded> want_y, want_dx, want_dw;

  // make fills the operand number `part`.
  LinearCase(const Backend& b, const LinearShape& shape,
             GuardedTensor (*make)(const Shape&, const Placement&, uint32_t part))
      : backend(b),
        s(shape),
        x(make({s.n, s.in}, b, 0)),
        w(make({s.out, s.in}, b, 1)),
        dy(make({s.n, s.out}, b, 2)),
        want_y(static_cast<size_t>(dy.elements())),
        want_dx(static_cast<size_t>(x.elements())),
        want_dw(static_cast<size_t>(w.elements())) {
    for (int64_t n = 0; n < s.n; ++n)
      for (int64_t o = 0; o < s.out; ++o)
        for (int64_t i = 0; i < s.in; ++i) {
          const int64_t ix = n * s.in + i, iw = o * s.in + i, iy = n * s.out + o;
          want_y[static_cast<size_t>(iy)] += Bounded(x[ix]) * w[iw];
          want_dx[static_cast<size_t>(ix)] += Bounded(dy[iy]) * w[iw];
          want_dw[static_cast<size_t>(iw)] += Bounded(dy[iy]) * x[ix];
        }
  }

  Label label(const char* op) const {
    return {op, backend, fmt::format("n {} in {} out {}", s.n, s.in, s.out)};
  }
};

inline GuardedTensor integers(const Shape& shape, const Placement& placement, uint32_t part) {
  return integer_tensor(shape, placement, kSeed, part);
}

}  // namespace inpaint::test
