// sum_of_squares on CUDA; contract in sum_of_squares.h. Memory-bound: x read once. Loads of several values take an
// aligned x: a view that begins anywhere in an array of parameters is read value by value.
#include "kernels/grad_mode_cuda.h"
#include "kernels/partial_sums_cuda.h"
#include "kernels/sum_of_squares.h"

namespace inpaint::cuda {
namespace {

// sm_90: at most 40 registers, 128-bit loads
template <bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    sum_of_squares_kernel(const T* __restrict__ x, int64_t n, double* __restrict__ partial) {
  constexpr int kSize = Pack<T>::kSize;
  double sum = 0;
  for (int64_t i = kSize * global_thread(); i < n; i += kSize * grid_threads()) {
    const Pack<T> values = load<kPacked, kSize>(x, i, n);  // 0 behind the end
#pragma unroll
    for (int k = 0; k < kSize; ++k) {
      const double value = value_of(values[k]);
      sum += value * value;
    }
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// For packs of two values, the least there are.
int64_t most_blocks(int64_t elements) { return blocks_1d((elements + 1) / 2); }

}  // namespace

int64_t sum_of_squares_workspace_bytes(const Context&, int64_t elements) {
  return most_blocks(elements) * size_of(DType::kF64);
}

void sum_of_squares(const Context& ctx, const Tensor& x, const Tensor& sum) {
  auto* const partial =
      static_cast<double*>(ctx.workspace(cuda::sum_of_squares_workspace_bytes(ctx, x.elements())));
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    constexpr int kSize = Pack<D>::kSize;
    const int64_t n = x.elements(), packs = (n + kSize - 1) / kSize;
    const D* const values = data_of<T>(x);
    const auto kernel =
        can_pack<kSize>(values) ? sum_of_squares_kernel<true, D> : sum_of_squares_kernel<false, D>;
    launch_1d("sum_of_squares", ctx.stream(), packs, kernel, values, n, partial);
    add_partial_sums("sum_of_squares", ctx, partial, blocks_1d(packs), 1.0, sum.as<double>());
  });
}

}  // namespace inpaint::cuda
