// moving_average on CUDA; contract in moving_average.h. Memory-bound: two arrays read, one written.
#include "kernels/cuda/launch.h"
#include "kernels/cuda/values_cuda.h"
#include "kernels/parameter/moving_average.h"

namespace inpaint::cuda {
namespace {

// sm_90: at most 32 registers, 128-bit loads, 128-bit stores
template <bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    moving_average_kernel(int64_t n, const double* __restrict__ rate, const T* __restrict__ values,
                          T* __restrict__ averages) {
  constexpr int kSize = Pack<T>::kSize;
  const T r = static_cast<T>(*rate);
  for (int64_t i = kSize * global_thread(); i < n; i += kSize * grid_threads()) {
    const Pack<T> from = load<kPacked, kSize>(values, i, n);
    Pack<T> to = load<kPacked, kSize>(averages, i, n);
#pragma unroll
    for (int k = 0; k < kSize; ++k) to[k] = fma(r, from[k] - to[k], to[k]);
    store<kPacked>(to, averages, i, n);
  }
}

}  // namespace

void moving_average(const Context& ctx, const Tensor& rate, const Tensor& values, const Tensor& averages) {
  visit_real(values.dtype, [&]<typename T>(T) {
    constexpr int kSize = Pack<T>::kSize;
    const int64_t n = values.elements();
    const T* const from = values.as<T>();
    T* const to = averages.as<T>();
    const auto kernel =
        can_pack<kSize>(from, to) ? moving_average_kernel<true, T> : moving_average_kernel<false, T>;
    launch_1d("moving_average", ctx.stream(), (n + kSize - 1) / kSize, kernel, n, rate.as<double>(), from,
              to);
  });
}

}  // namespace inpaint::cuda
