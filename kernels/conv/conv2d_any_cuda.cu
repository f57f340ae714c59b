// Convolution with any window; contracts in conv2d.h and conv2d_any_cuda.h.
#include "kernels/conv/conv2d_any_cuda.h"
#include "kernels/cuda/block_sum_cuda.h"
#include "kernels/cuda/values_cuda.h"

namespace inpaint::cuda {
namespace {

// A convolution's sizes as the kernels take them.
struct Sizes {
  int64_t n, h, w, ci, co, ho, wo, kernel, stride, pad, dilation;
};

Sizes sizes_of(const Conv2dShape& s) {
  return {s.n,
          s.h,
          s.w,
          s.ci,
          s.co,
          s.ho(),
          s.wo(),
          s.window.kernel,
          s.window.stride,
          s.window.pad,
          s.window.dilation};
}

// A thread for each value of y.
template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    conv2d_any_forward_kernel(Sizes s, const T* __restrict__ x, const T* __restrict__ w, T* __restrict__ y) {
  const int64_t count = s.n * s.ho * s.wo * s.co;
  for (int64_t e = global_thread(); e < count; e += grid_threads()) {
    const int64_t o = e % s.co, j = e / s.co % s.wo, i = e / (s.co * s.wo) % s.ho,
                  n = e / (s.co * s.wo * s.ho);
    Compute<T> sum = 0;
    for (int64_t ky = 0; ky < s.kernel; ++ky) {
      const int64_t row = s.stride * i + s.dilation * ky - s.pad;
      if (row < 0 || row >= s.h) continue;
      for (int64_t kx = 0; kx < s.kernel; ++kx) {
        const int64_t column = s.stride * j + s.dilation * kx - s.pad;
        if (column < 0 || column >= s.w) continue;
        const T* const pixel = x + ((n * s.h + row) * s.w + column) * s.ci;
        const T* const tap = w + ((o * s.kernel + ky) * s.kernel + kx) * s.ci;
        for (int64_t c = 0; c < s.ci; ++c) sum += value_of(pixel[c]) * value_of(tap[c]);
      }
    }
    y[e] = rounded_to<T>(sum);
  }
}

// The output row (or column) whose window has tap k at this pixel; -1 where there is none.
__device__ inline int64_t output_of(const Sizes& s, int64_t pixel, int64_t k, int64_t outputs) {
  const int64_t from = pixel + s.pad - s.dilation * k;
  return from < 0 || from % s.stride != 0 || from / s.stride >= outputs ? -1 : from / s.stride;
}

// A thread for each value of dx.
template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    conv2d_any_backward_data_kernel(Sizes s, const T* __restrict__ dy, const T* __restrict__ w,
                                    T* __restrict__ dx) {
  const int64_t count = s.n * s.h * s.w * s.ci;
  for (int64_t e = global_thread(); e < count; e += grid_threads()) {
    const int64_t c = e % s.ci, column = e / s.ci % s.w, row = e / (s.ci * s.w) % s.h,
                  n = e / (s.ci * s.w * s.h);
    Compute<T> sum = 0;
    for (int64_t ky = 0; ky < s.kernel; ++ky) {
      const int64_t i = output_of(s, row, ky, s.ho);
      if (i < 0) continue;
      for (int64_t kx = 0; kx < s.kernel; ++kx) {
        const int64_t j = output_of(s, column, kx, s.wo);
        if (j < 0) continue;
        const T* const pixel = dy + ((n * s.ho + i) * s.wo + j) * s.co;
        const T* const tap = w + (ky * s.kernel + kx) * s.ci + c;
        for (int64_t o = 0; o < s.co; ++o)
          sum += value_of(pixel[o]) * value_of(tap[o * s.kernel * s.kernel * s.ci]);
      }
    }
    dx[e] = rounded_to<T>(sum);
  }
}

// A block for each value of dw; its threads share the output pixels.
template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    conv2d_any_backward_weight_kernel(Sizes s, const T* __restrict__ x, const T* __restrict__ dy, bool add,
                                      Compute<T>* __restrict__ dw) {
  const int64_t e = blockIdx.x;
  const int64_t c = e % s.ci, kx = e / s.ci % s.kernel, ky = e / (s.ci * s.kernel) % s.kernel,
                o = e / (s.ci * s.kernel * s.kernel);
  Compute<T> sum = 0;
  for (int64_t p = threadIdx.x; p < s.n * s.ho * s.wo; p += kBlockThreads) {
    const int64_t row = s.stride * (p / s.wo % s.ho) + s.dilation * ky - s.pad;
    const int64_t column = s.stride * (p % s.wo) + s.dilation * kx - s.pad;
    if (row < 0 || row >= s.h || column < 0 || column >= s.w) continue;
    const int64_t n = p / (s.wo * s.ho);
    sum += value_of(dy[p * s.co + o]) * value_of(x[((n * s.h + row) * s.w + column) * s.ci + c]);
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) dw[e] = add ? dw[e] + sum : sum;
}

}  // namespace

void conv2d_any_forward(const Context& ctx, const Conv2dShape& s, const Tensor& x, const Tensor& w,
                        const Tensor& y) {
  visit_activation_type(x.dtype, [&]<typename V>(V) {
    launch_1d("conv2d_forward", ctx.stream(), y.elements(), conv2d_any_forward_kernel<DeviceType<V>>,
              sizes_of(s), data_of<V>(x), data_of<V>(w), data_of<V>(y));
  });
}

void conv2d_any_backward_data(const Context& ctx, const Conv2dShape& s, const Tensor& dy, const Tensor& w,
                              const Tensor& dx) {
  visit_activation_type(dx.dtype, [&]<typename V>(V) {
    launch_1d("conv2d_backward_data", ctx.stream(), dx.elements(),
              conv2d_any_backward_data_kernel<DeviceType<V>>, sizes_of(s), data_of<V>(dy), data_of<V>(w),
              data_of<V>(dx));
  });
}

void conv2d_any_backward_weight(const Context& ctx, const Conv2dShape& s, const Tensor& x, const Tensor& dy,
                                const Tensor& dw, GradMode mode) {
  visit_activation_type(x.dtype, [&]<typename V>(V) {
    using T = DeviceType<V>;
    launch("conv2d_backward_weight", ctx.stream(), dim3(static_cast<unsigned>(dw.elements())),
           dim3(kBlockThreads), 0, conv2d_any_backward_weight_kernel<T>, sizes_of(s), data_of<V>(x),
           data_of<V>(dy), mode == GradMode::kAccumulate, static_cast<Compute<T>*>(dw.data));
  });
}

}  // namespace inpaint::cuda
