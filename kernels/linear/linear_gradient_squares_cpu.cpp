// linear_gradient_squares on the CPU; contract in linear_gradient_squares.h. A block is an example with those
// from it on: a pair stands for its mirrored one too.
#include "kernels/cpu/lane_sum_cpu.h"
#include "kernels/linear/linear_gradient_squares.h"

namespace inpaint::cpu {
namespace {

template <typename T>
double dot(const T* a, const T* b, int64_t n) {
  LaneSum sum;
  sum.add(0, n, [=](int64_t i) { return static_cast<double>(a[i]) * static_cast<double>(b[i]); });
  return sum.total();
}

}  // namespace

int64_t linear_gradient_squares_workspace_bytes(const Context&, int64_t n) {
  return n * size_of(DType::kF64);
}

void linear_gradient_squares(const Context& ctx, const Tensor& x, const Tensor& dy, const Tensor& squares) {
  const int64_t n = x.shape[0], in = x.shape[1], out = dy.shape[1];
  auto* partial = static_cast<double*>(ctx.workspace(cpu::linear_gradient_squares_workspace_bytes(ctx, n)));
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    const T *xs = x.as<T>(), *dys = dy.as<T>();
    ctx.parallel_blocks(n, 1, [&](int64_t a, int64_t, int) {
      double sum = 0;
      for (int64_t b = a; b < n; ++b)
        sum += (b == a ? 1 : 2) * dot(xs + a * in, xs + b * in, in) * dot(dys + a * out, dys + b * out, out);
      partial[a] = sum;
    });
  });
  *squares.as<double>() = sum_in_order(partial, n);
}

}  // namespace inpaint::cpu
