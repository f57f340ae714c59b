// total_variation, loss and gradient as two passes; contract in total_variation.h.
// docs/kernels/total-variation.md goes on from here.
#include "bench/naive/naive_kernels.h"
#include "bench/naive/one_thread_each.h"
#include "kernels/cuda/sign_cuda.h"
#include "kernels/cuda/values_cuda.h"

namespace inpaint::naive {
namespace {

using cuda::Compute;
using cuda::value_of;

struct Pictures {
  int64_t n, h, w, c;
};

// A value's own differences: to the one below and to the one on the right.
// sm_90: at most 32 registers
template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    loss_kernel(int64_t n, Pictures s, const T* __restrict__ x, double* __restrict__ loss) {
  const int64_t e = global_thread();
  if (e >= n) return;
  const int64_t i = e / (s.w * s.c) % s.h, j = e / s.c % s.w;
  double sum = 0;
  if (i + 1 < s.h) sum += fabs(static_cast<double>(value_of(x[e + s.w * s.c]) - value_of(x[e])));
  if (j + 1 < s.w) sum += fabs(static_cast<double>(value_of(x[e + s.c]) - value_of(x[e])));
  atomicAdd(loss, sum / static_cast<double>(s.n));
}

// sm_90: at most 40 registers
template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    gradient_kernel(int64_t n, Pictures s, const T* __restrict__ x, Compute<T> scale, bool add,
                    T* __restrict__ dx) {
  const int64_t e = global_thread();
  if (e >= n) return;
  const int64_t row = s.w * s.c, i = e / row % s.h, j = e / s.c % s.w;
  Compute<T> signs = 0;
  if (i > 0) signs += cuda::sign(value_of(x[e]) - value_of(x[e - row]));
  if (i + 1 < s.h) signs += cuda::sign(value_of(x[e]) - value_of(x[e + row]));
  if (j > 0) signs += cuda::sign(value_of(x[e]) - value_of(x[e - s.c]));
  if (j + 1 < s.w) signs += cuda::sign(value_of(x[e]) - value_of(x[e + s.c]));
  dx[e] = cuda::rounded_to<T>(add ? value_of(dx[e]) + scale * signs : scale * signs);
}

}  // namespace

int64_t total_variation_workspace_bytes(const Context&, const Shape&) { return 0; }

void total_variation(const Context& ctx, const Tensor& x, double weight, const Tensor& loss, const Tensor* dx,
                     GradMode mode) {
  const Pictures s = {x.shape[0], x.shape[1], x.shape[2], x.shape[3]};
  visit_activation_type(x.dtype, [&]<typename V>(V) {
    using T = cuda::DeviceType<V>;
    const T* const xs = cuda::data_of<V>(x);
    one_thread_each("naive total_variation, clear", ctx, 1, clear_kernel<double>, loss.as<double>());
    one_thread_each("naive total_variation, loss", ctx, x.elements(), loss_kernel<T>, s, xs,
                    loss.as<double>());
    if (dx == nullptr) return;
    one_thread_each("naive total_variation, dx", ctx, x.elements(), gradient_kernel<T>, s, xs,
                    static_cast<Compute<T>>(weight / static_cast<double>(s.n)), mode == GradMode::kAccumulate,
                    cuda::data_of<V>(*dx));
  });
}

}  // namespace inpaint::naive
