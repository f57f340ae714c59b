// The kernels that make the linear products for which cuBLASLt has no algorithm, each called by itself.
#include "kernels/linear/linear_direct_cuda.h"
#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

// Few outputs, and tiles of 32 x 32; rows of whole packs and with a rest; more examples than slices.
const LinearShape kShapes[] = {{1, 1, 1}, {5, 16, 2}, {19, 257, 4}, {3, 5, 7}, {33, 31, 65}, {40, 64, 33}};

struct Case {
  const Backend& backend;
  LinearShape s;
  GuardedTensor x, w, dy;
  std::vector<Bounded> want_y, want_dx, want_dw;

  Case(const Backend& b, const LinearShape& shape)
      : backend(b),
        s(shape),
        x(integer_tensor({s.n, s.in}, b, kSeed, 0)),
        w(integer_tensor({s.out, s.in}, b, kSeed, 1)),
        dy(integer_tensor({s.n, s.out}, b, kSeed, 2)),
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

}  // namespace

TEST_CASE("linear own kernels: exact on small integers, the weight gradient overwritten or added to") {
  for (const Backend& backend : activation_backends()) {
    if (backend.device != Device::kCuda) continue;
    const int factor = backend.dtype == DType::kBF16 ? 1 : 0;  // the one rounding of a sum to bf16
    for (const LinearShape& shape : kShapes) {
      const Case c(backend, shape);
      GuardedTensor y({c.s.n, c.s.out}, backend), dx({c.s.n, c.s.in}, backend),
          dw({c.s.out, c.s.in}, backend.parameters());
      const auto ctx = backend.context();
      cuda::linear_direct_forward(*ctx, c.x, c.w, y);
      check_close(c.label("linear_direct_forward"), "y", y, c.want_y, factor);
      cuda::linear_direct_backward_data(*ctx, c.dy, c.w, dx);
      check_close(c.label("linear_direct_backward_data"), "dx", dx, c.want_dx, factor);
      cuda::linear_direct_backward_weight(*ctx, c.x, c.dy, dw, GradMode::kOverwrite);
      check_close(c.label("linear_direct_backward_weight"), "dw", dw, c.want_dw, 0);
      const auto want_sum = plus(c.want_dw, dw);
      cuda::linear_direct_backward_weight(*ctx, c.x, c.dy, dw, GradMode::kAccumulate);
      check_close(c.label("linear_direct_backward_weight"), "dw, added to", dw, want_sum, 0);
    }
  }
}
