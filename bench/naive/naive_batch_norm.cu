// batch_norm, each sum by an atomic addition for every value; contract in batch_norm.h.
// docs/kernels/batch-norm.md goes on from here.
#include "bench/naive/naive_kernels.h"
#include "bench/naive/one_thread_each.h"
#include "kernels/cuda/activation_cuda.h"
#include "kernels/cuda/values_cuda.h"

namespace inpaint::naive {
namespace {

using cuda::Compute;
using cuda::rounded_to;
using cuda::value_of;

// ---- Statistics: the mean first, then the deviations from it --------------------------------------------

// sm_90: at most 32 registers
template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    sum_kernel(int64_t n, int64_t channels, const T* __restrict__ x, double* __restrict__ sums) {
  const int64_t i = global_thread();
  if (i < n) atomicAdd(&sums[i % channels], static_cast<double>(value_of(x[i])));
}

template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    squares_kernel(int64_t n, int64_t channels, const T* __restrict__ x, const Compute<T>* __restrict__ mean,
                   double* __restrict__ sums) {
  const int64_t i = global_thread();
  if (i >= n) return;
  const auto d = static_cast<double>(value_of(x[i]) - mean[i % channels]);
  atomicAdd(&sums[i % channels], d * d);
}

// Mean or variance of each channel.
template <typename P>
__global__ void __launch_bounds__(kBlockThreads)
    divide_kernel(int64_t channels, const double* __restrict__ sums, double rows, P* __restrict__ means) {
  const int64_t c = global_thread();
  if (c < channels) means[c] = static_cast<P>(sums[c] / rows);
}

// ---- Forward, and what the backward pass repeats of it --------------------------------------------------

template <typename P>
struct Norm {
  int64_t channels;
  const P *mean, *variance, *gamma, *beta;
  P epsilon, slope;

  __device__ P inverse_deviation(int64_t i) const { return 1 / sqrt(variance[i % channels] + epsilon); }
  __device__ P xhat(int64_t i, P x) const { return (x - mean[i % channels]) * inverse_deviation(i); }
  __device__ P z(int64_t i, P xhat) const { return gamma[i % channels] * xhat + beta[i % channels]; }
};

// sm_90: at most 40 registers
template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    forward_kernel(int64_t n, Norm<Compute<T>> norm, const T* __restrict__ x, T* __restrict__ y) {
  const int64_t i = global_thread();
  if (i < n) y[i] = rounded_to<T>(cuda::kinked(norm.z(i, norm.xhat(i, value_of(x[i]))), norm.slope));
}

// ---- Backward -------------------------------------------------------------------------------------------

// sums [2, C]: sum dz and sum dz xhat.
// sm_90: at most 40 registers
template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    backward_sums_kernel(int64_t n, Norm<Compute<T>> norm, const T* __restrict__ x, const T* __restrict__ dy,
                         double* __restrict__ sums) {
  const int64_t i = global_thread();
  if (i >= n) return;
  const Compute<T> xhat = norm.xhat(i, value_of(x[i])),
                   dz = cuda::kinked_gradient(norm.z(i, xhat), norm.slope, value_of(dy[i]));
  atomicAdd(&sums[i % norm.channels], static_cast<double>(dz));
  atomicAdd(&sums[norm.channels + i % norm.channels], static_cast<double>(dz * xhat));
}

// A gradient of gamma or beta.
template <typename P>
__global__ void __launch_bounds__(kBlockThreads)
    parameter_gradient_kernel(int64_t channels, const double* __restrict__ sums, bool add,
                              P* __restrict__ gradient) {
  const int64_t c = global_thread();
  if (c < channels) gradient[c] = static_cast<P>(add ? static_cast<double>(gradient[c]) + sums[c] : sums[c]);
}

// dx may be dy.
// sm_90: at most 48 registers
template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    backward_kernel(int64_t n, Norm<Compute<T>> norm, const T* __restrict__ x, const T* dy,
                    const double* __restrict__ sums, T* dx) {
  using P = Compute<T>;
  const int64_t i = global_thread();
  if (i >= n) return;
  const int64_t c = i % norm.channels;
  const P rows = static_cast<P>(n / norm.channels), xhat = norm.xhat(i, value_of(x[i])),
          dz = cuda::kinked_gradient(norm.z(i, xhat), norm.slope, value_of(dy[i]));
  const P mean_dz = static_cast<P>(sums[c]) / rows,
          mean_dz_xhat = static_cast<P>(sums[norm.channels + c]) / rows;
  dx[i] = rounded_to<T>(norm.gamma[c] * norm.inverse_deviation(i) * (dz - mean_dz - xhat * mean_dz_xhat));
}

// ---- Launches -------------------------------------------------------------------------------------------

template <typename P>
Norm<P> norm_of(const Tensor& mean, const Tensor& variance, const Tensor& gamma, const Tensor& beta,
                double epsilon, Activation act) {
  return {mean.elements(),
          mean.as<P>(),
          variance.as<P>(),
          gamma.as<P>(),
          beta.as<P>(),
          static_cast<P>(epsilon),
          static_cast<P>(cuda::negative_slope(act))};
}

int64_t sums_bytes(int64_t channels) { return 2 * channels * size_of(DType::kF64); }

}  // namespace

int64_t batch_norm_workspace_bytes(const Context&, const Shape& x) { return sums_bytes(x.back()); }

void batch_norm_statistics(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance) {
  const int64_t n = x.elements(), c = x.shape.back();
  const auto rows = static_cast<double>(x.shape.rows());
  auto* const sums = static_cast<double*>(ctx.workspace(sums_bytes(c)));
  visit_activation_type(x.dtype, [&]<typename V>(V) {
    using T = cuda::DeviceType<V>;
    using P = Compute<T>;
    const T* const xs = cuda::data_of<V>(x);
    one_thread_each("naive batch_norm, clear", ctx, 2 * c, clear_kernel<double>, sums);
    one_thread_each("naive batch_norm, sum", ctx, n, sum_kernel<T>, c, xs, sums);
    one_thread_each("naive batch_norm, mean", ctx, c, divide_kernel<P>, sums, rows, mean.as<P>());
    one_thread_each("naive batch_norm, squares", ctx, n, squares_kernel<T>, c, xs, mean.as<P>(), sums + c);
    one_thread_each("naive batch_norm, variance", ctx, c, divide_kernel<P>, sums + c, rows, variance.as<P>());
  });
}

void batch_norm_forward(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                        const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                        const Tensor& y) {
  visit_activation_type(x.dtype, [&]<typename V>(V) {
    using T = cuda::DeviceType<V>;
    one_thread_each("naive batch_norm_forward", ctx, x.elements(), forward_kernel<T>,
                    norm_of<Compute<T>>(mean, variance, gamma, beta, epsilon, act), cuda::data_of<V>(x),
                    cuda::data_of<V>(y));
  });
}

void batch_norm_backward(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                         const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                         const Tensor& dy, const Tensor& dx, const BatchNormGrads& grads) {
  const int64_t n = x.elements(), c = x.shape.back();
  auto* const sums = static_cast<double*>(ctx.workspace(sums_bytes(c)));
  visit_activation_type(x.dtype, [&]<typename V>(V) {
    using T = cuda::DeviceType<V>;
    using P = Compute<T>;
    const T *const xs = cuda::data_of<V>(x), *const dys = cuda::data_of<V>(dy);
    const auto norm = norm_of<P>(mean, variance, gamma, beta, epsilon, act);
    const bool add = grads.mode == GradMode::kAccumulate;
    one_thread_each("naive batch_norm_backward, clear", ctx, 2 * c, clear_kernel<double>, sums);
    one_thread_each("naive batch_norm_backward, sums", ctx, n, backward_sums_kernel<T>, norm, xs, dys, sums);
    if (grads.dbeta != nullptr)
      one_thread_each("naive batch_norm_backward, dbeta", ctx, c, parameter_gradient_kernel<P>, sums, add,
                      grads.dbeta->as<P>());
    if (grads.dgamma != nullptr)
      one_thread_each("naive batch_norm_backward, dgamma", ctx, c, parameter_gradient_kernel<P>, sums + c,
                      add, grads.dgamma->as<P>());
    one_thread_each("naive batch_norm_backward, dx", ctx, n, backward_kernel<T>, norm, xs, dys, sums,
                    cuda::data_of<V>(dx));
  });
}

}  // namespace inpaint::naive
