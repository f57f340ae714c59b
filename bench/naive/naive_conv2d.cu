// conv2d's three products with all factors from global memory; contract in conv2d.h.
// docs/kernels/few-channel-convolution.md goes on from here.
#include "bench/naive/naive_kernels.h"
#include "bench/naive/one_thread_each.h"
#include "kernels/cuda/values_cuda.h"

namespace inpaint::naive {
namespace {

using cuda::Compute;
using cuda::rounded_to;
using cuda::value_of;

struct Sizes {
  int h, w, ci, co, ho, wo;
  int kernel, stride, pad, dilation;

  // The row (or column) of x under tap k of output i.
  __device__ int under(int i, int k) const { return stride * i + dilation * k - pad; }
};

// A thread for each value of y.
// sm_90: at most 40 registers
template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    forward_kernel(int64_t count, Sizes s, const T* __restrict__ x, const T* __restrict__ w,
                   T* __restrict__ y) {
  const auto e = static_cast<int>(global_thread());
  if (e >= count) return;
  const int o = e % s.co, j = e / s.co % s.wo, i = e / (s.co * s.wo) % s.ho, n = e / (s.co * s.wo * s.ho);
  const int k = s.kernel;
  Compute<T> sum = 0;
  for (int ky = 0; ky < k; ++ky)
    for (int kx = 0; kx < k; ++kx) {
      const int row = s.under(i, ky), column = s.under(j, kx);
      if (row < 0 || row >= s.h || column < 0 || column >= s.w) continue;
      for (int c = 0; c < s.ci; ++c)
        sum += value_of(x[((n * s.h + row) * s.w + column) * s.ci + c]) *
               value_of(w[((o * k + ky) * k + kx) * s.ci + c]);
    }
  y[e] = rounded_to<T>(sum);
}

// A thread for each value of dx: it looks for the outputs that it took part in.
// sm_90: at most 40 registers
template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    backward_data_kernel(int64_t count, Sizes s, const T* __restrict__ dy, const T* __restrict__ w,
                         T* __restrict__ dx) {
  const auto e = static_cast<int>(global_thread());
  if (e >= count) return;
  const int c = e % s.ci, column = e / s.ci % s.w, row = e / (s.ci * s.w) % s.h, n = e / (s.ci * s.w * s.h);
  const int k = s.kernel, stride = s.stride;
  Compute<T> sum = 0;
  for (int ky = 0; ky < k; ++ky)
    for (int kx = 0; kx < k; ++kx) {
      const int i = row - s.under(0, ky), j = column - s.under(0, kx);  // times the stride
      if (i < 0 || j < 0 || i % stride != 0 || j % stride != 0) continue;
      if (i / stride >= s.ho || j / stride >= s.wo) continue;
      for (int o = 0; o < s.co; ++o)
        sum += value_of(dy[((n * s.ho + i / stride) * s.wo + j / stride) * s.co + o]) *
               value_of(w[((o * k + ky) * k + kx) * s.ci + c]);
    }
  dx[e] = rounded_to<T>(sum);
}

// A thread for each value of dy: it adds its product to every weight it was multiplied with.
// sm_90: at most 40 registers
template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    backward_weight_kernel(int64_t count, Sizes s, const T* __restrict__ x, const T* __restrict__ dy,
                           Compute<T>* __restrict__ dw) {
  const auto e = static_cast<int>(global_thread());
  if (e >= count) return;
  const int o = e % s.co, j = e / s.co % s.wo, i = e / (s.co * s.wo) % s.ho, n = e / (s.co * s.wo * s.ho);
  const int k = s.kernel;
  const Compute<T> value = value_of(dy[e]);
  for (int ky = 0; ky < k; ++ky)
    for (int kx = 0; kx < k; ++kx) {
      const int row = s.under(i, ky), column = s.under(j, kx);
      if (row < 0 || row >= s.h || column < 0 || column >= s.w) continue;
      for (int c = 0; c < s.ci; ++c)
        atomicAdd(&dw[((o * k + ky) * k + kx) * s.ci + c],
                  value * value_of(x[((n * s.h + row) * s.w + column) * s.ci + c]));
    }
}

// The kernels count in int.
Sizes sizes_of(const Conv2dWindow& window, const Tensor& x, const Tensor& w, const Tensor& y) {
  constexpr int64_t kMost = int64_t{1} << 30;
  INPAINT_CHECK(x.elements() <= kMost && y.elements() <= kMost, "naive conv2d: {} to {}", to_string(x.shape),
                to_string(y.shape));
  const auto size = [](int64_t value) { return static_cast<int>(value); };
  return {size(x.shape[1]), size(x.shape[2]),     size(x.shape[3]),    size(w.shape[0]),
          size(y.shape[1]), size(y.shape[2]),     size(window.kernel), size(window.stride),
          size(window.pad), size(window.dilation)};
}

}  // namespace

int64_t conv2d_workspace_bytes(const Context&, const Conv2dShape&, DType) { return 0; }

void conv2d_forward(const Context& ctx, const Conv2dWindow& window, const Tensor& x, const Tensor& w,
                    const Tensor& y) {
  visit_activation_type(x.dtype, [&]<typename V>(V) {
    one_thread_each("naive conv2d_forward", ctx, y.elements(), forward_kernel<cuda::DeviceType<V>>,
                    sizes_of(window, x, w, y), cuda::data_of<V>(x), cuda::data_of<V>(w), cuda::data_of<V>(y));
  });
}

void conv2d_backward_data(const Context& ctx, const Conv2dWindow& window, const Tensor& dy, const Tensor& w,
                          const Tensor& dx) {
  visit_activation_type(dx.dtype, [&]<typename V>(V) {
    one_thread_each("naive conv2d_backward_data", ctx, dx.elements(),
                    backward_data_kernel<cuda::DeviceType<V>>, sizes_of(window, dx, w, dy),
                    cuda::data_of<V>(dy), cuda::data_of<V>(w), cuda::data_of<V>(dx));
  });
}

void conv2d_backward_weight(const Context& ctx, const Conv2dWindow& window, const Tensor& x, const Tensor& dy,
                            const Tensor& dw, GradMode mode) {
  visit_activation_type(x.dtype, [&]<typename V>(V) {
    using T = cuda::DeviceType<V>;
    auto* const sums = static_cast<Compute<T>*>(dw.data);
    if (mode == GradMode::kOverwrite)
      one_thread_each("naive conv2d_backward_weight, clear", ctx, dw.elements(), clear_kernel<Compute<T>>,
                      sums);
    one_thread_each("naive conv2d_backward_weight", ctx, dy.elements(), backward_weight_kernel<T>,
                    sizes_of(window, x, dw, dy), cuda::data_of<V>(x), cuda::data_of<V>(dy), sums);
  });
}

}  // namespace inpaint::naive
