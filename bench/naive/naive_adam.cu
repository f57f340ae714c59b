// adam, a pass for each line of its formula; contract in adam.h. docs/kernels/adam.md goes on from here.
#include <limits>

#include "bench/naive/naive_kernels.h"
#include "bench/naive/one_thread_each.h"
#include "kernels/cuda/values_cuda.h"

namespace inpaint::naive {
namespace {

template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    half_squares_kernel(int64_t n, const T* __restrict__ w, double* __restrict__ half_squares) {
  const int64_t i = global_thread();
  if (i >= n) return;
  const auto value = static_cast<double>(w[i]);
  atomicAdd(half_squares, value * value / 2);
}

// g = the scaled gradient with the decay, clipped.
// sm_90: at most 16 registers
template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    gradient_kernel(int64_t n, const T* __restrict__ grad, const double* __restrict__ scale,
                    const T* __restrict__ w, int64_t decayed, T decay, T clip, T* __restrict__ g) {
  const int64_t i = global_thread();
  if (i >= n) return;
  T value = grad[i];
  if (scale != nullptr) value *= static_cast<T>(*scale);
  if (i < decayed) value += decay * w[i];
  g[i] = value < -clip ? -clip : value > clip ? clip : value;  // a NaN stays one
}

template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    first_moment_kernel(int64_t n, const T* __restrict__ g, T beta1, T rest1, T* __restrict__ m) {
  const int64_t i = global_thread();
  if (i < n) m[i] = beta1 * m[i] + rest1 * g[i];
}

template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    second_moment_kernel(int64_t n, const T* __restrict__ g, T beta2, T rest2, T* __restrict__ v) {
  const int64_t i = global_thread();
  if (i < n) v[i] = beta2 * v[i] + rest2 * g[i] * g[i];
}

template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    weight_kernel(int64_t n, const T* __restrict__ m, const T* __restrict__ v,
                  const double* __restrict__ rate, T epsilon, T* __restrict__ w) {
  const int64_t i = global_thread();
  if (i < n) w[i] -= static_cast<T>(*rate) * m[i] / (sqrt(v[i]) + epsilon);
}

template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    copy_kernel(int64_t n, const T* __restrict__ w, __nv_bfloat16* __restrict__ copy) {
  const int64_t i = global_thread();
  if (i < n) copy[i] = __float2bfloat16_rn(static_cast<float>(w[i]));
}

}  // namespace

int64_t adam_workspace_bytes(const Context&, int64_t parameters) {
  return parameters * size_of(DType::kF64);  // g, of the larger type
}

void adam(const Context& ctx, const AdamOptions& o, const Tensor& rate, int64_t decayed,
          const AdamArrays& a) {
  const int64_t n = a.param.elements();
  visit_real(a.param.dtype, [&]<typename T>(T) {
    T *const w = a.param.as<T>(), *const m = a.m.as<T>(), *const v = a.v.as<T>();
    auto* const g = static_cast<T*>(ctx.workspace(n * size_of(a.param.dtype)));
    const double* const scale = a.grad_scale.data == nullptr ? nullptr : a.grad_scale.as<double>();
    if (a.half_squares.data != nullptr) {
      auto* const sum = a.half_squares.as<double>();
      one_thread_each("naive adam, clear", ctx, 1, clear_kernel<double>, sum);
      one_thread_each("naive adam, half squares", ctx, decayed, half_squares_kernel<T>, w, sum);
    }
    one_thread_each("naive adam, gradient", ctx, n, gradient_kernel<T>, a.grad.as<T>(), scale, w, decayed,
                    static_cast<T>(o.weight_decay),
                    static_cast<T>(o.clip.value_or(std::numeric_limits<double>::infinity())), g);
    one_thread_each("naive adam, m", ctx, n, first_moment_kernel<T>, g, static_cast<T>(o.beta1),
                    static_cast<T>(1 - o.beta1), m);
    one_thread_each("naive adam, v", ctx, n, second_moment_kernel<T>, g, static_cast<T>(o.beta2),
                    static_cast<T>(1 - o.beta2), v);
    one_thread_each("naive adam, w", ctx, n, weight_kernel<T>, m, v, rate.as<double>(),
                    static_cast<T>(o.epsilon), w);
    if (a.weights_bf16.data != nullptr)
      one_thread_each("naive adam, copy", ctx, decayed, copy_kernel<T>, w,
                      cuda::data_of<bf16>(a.weights_bf16));
  });
}

}  // namespace inpaint::naive
