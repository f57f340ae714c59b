// sum_of_squares on CUDA; contract in sum_of_squares.h. Memory-bound: x read once. Loads of several values
// take an aligned x: a view that begins anywhere in an array of parameters is read value by value.
#include "kernels/cuda/grad_mode_cuda.h"
#include "kernels/cuda/partial_sums_cuda.h"
#include "kernels/parameter/sum_of_squares.h"

namespace inpaint::cuda {
namespace {

// sm_90: at most 40 registers, 128-bit loads
template <bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    sum_of_squares_kernel(const T* __restrict__ x, int64_t n, LaunchSum sum) {
  constexpr int kSize = Pack<T>::kSize;
  double squares = 0;
  for (int64_t i = kSize * global_thread(); i < n; i += kSize * grid_threads()) {
    const Pack<T> values = load<kPacked, kSize>(x, i, n);  // 0 behind the end
#pragma unroll
    for (int k = 0; k < kSize; ++k) {
      const double value = value_of(values[k]);
      squares += value * value;
    }
  }
  sum.add(squares);
}

// An empty array has a sum too: one block makes it.
int64_t packs_of(int64_t elements, int64_t size) {
  return std::max<int64_t>(1, (elements + size - 1) / size);
}

}  // namespace

// Packs of two values, the least there are, make the most blocks.
int64_t sum_of_squares_workspace_bytes(const Context& ctx, int64_t elements) {
  return LaunchSum::workspace_bytes(ctx, blocks_1d(packs_of(elements, 2)));
}

void sum_of_squares(const Context& ctx, const Tensor& x, const Tensor& sum) {
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    constexpr int kSize = Pack<D>::kSize;
    const int64_t n = x.elements(), packs = packs_of(n, kSize);
    const D* const values = data_of<T>(x);
    const auto kernel =
        can_pack<kSize>(values) ? sum_of_squares_kernel<true, D> : sum_of_squares_kernel<false, D>;
    launch_1d("sum_of_squares", ctx.stream(), packs, kernel, values, n,
              LaunchSum(ctx, blocks_1d(packs), 1, sum.as<double>()));
  });
}

}  // namespace inpaint::cuda
