// linear_gradient_squares on CUDA; contract in linear_gradient_squares.h. A block is an example with those
// from it on: the rows are few and stay in the cache. Only summaries call it, so its time does not count.
#include "kernels/cuda/partial_sums_cuda.h"
#include "kernels/cuda/values_cuda.h"
#include "kernels/linear/linear_gradient_squares.h"

namespace inpaint::cuda {
namespace {

// Valid in thread 0.
template <typename T>
__device__ double block_dot(const T* __restrict__ a, const T* __restrict__ b, int64_t n) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += kBlockThreads)
    sum += static_cast<double>(value_of(a[i])) * static_cast<double>(value_of(b[i]));
  return block_sum(sum);
}

// sm_90: at most 40 registers
template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    linear_gradient_squares_kernel(int64_t in, int64_t out, const T* __restrict__ x, const T* __restrict__ dy,
                                   LaunchSum sum) {
  const int64_t n = gridDim.x, a = blockIdx.x;
  double terms = 0;
  for (int64_t b = a; b < n; ++b) {  // a pair stands for its mirrored one too
    const double xs = block_dot(x + a * in, x + b * in, in);
    __syncthreads();
    terms += (a == b ? 1 : 2) * xs * block_dot(dy + a * out, dy + b * out, out);
    __syncthreads();
  }
  sum.add(threadIdx.x == 0 ? terms : 0);
}

}  // namespace

int64_t linear_gradient_squares_workspace_bytes(const Context& ctx, int64_t n) {
  return LaunchSum::workspace_bytes(ctx, n);
}

void linear_gradient_squares(const Context& ctx, const Tensor& x, const Tensor& dy, const Tensor& squares) {
  const int64_t n = x.shape[0];
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    launch("linear_gradient_squares", ctx.stream(), dim3(static_cast<unsigned>(n)), dim3(kBlockThreads), 0,
           linear_gradient_squares_kernel<DeviceType<T>>, x.shape[1], dy.shape[1], data_of<T>(x),
           data_of<T>(dy), LaunchSum(ctx, n, 1, squares.as<double>()));
  });
}

}  // namespace inpaint::cuda
