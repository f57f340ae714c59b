// add on CUDA; contract in add.h. Memory-bound: reads x and y once, writes y; packs at a time.
#include "kernels/channel/add.h"
#include "kernels/cuda/grad_mode_cuda.h"
#include "kernels/cuda/launch.h"

namespace inpaint::cuda {
namespace {

// sm_90: at most 40 registers, 128-bit loads, 128-bit stores
template <bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    add_kernel(int64_t n, const T* __restrict__ x, T* __restrict__ y) {
  constexpr int kSize = Pack<T>::kSize;
  for (int64_t i = kSize * global_thread(); i < n; i += kSize * grid_threads()) {
    const Pack<T> pack = load<kPacked, kSize>(x, i, n);
    Compute<T> values[kSize];
#pragma unroll
    for (int k = 0; k < kSize; ++k) values[k] = value_of(pack[k]);
    write_gradient<Write::kAccumulate, kPacked>(values, y, i, n);
  }
}

}  // namespace

void add(const Context& ctx, const Tensor& x, const Tensor& y) {
  visit_activation_type(y.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    constexpr int kSize = Pack<D>::kSize;
    const int64_t n = y.elements();
    const D* const xs = data_of<T>(x);
    D* const ys = data_of<T>(y);
    launch_1d("add", ctx.stream(), (n + kSize - 1) / kSize,
              can_pack<kSize>(xs, ys) ? add_kernel<true, D> : add_kernel<false, D>, n, xs, ys);
  });
}

}  // namespace inpaint::cuda
