// to_bytes on CUDA; contract in to_bytes.h. Memory-bound: 2, 4 or 8 bytes read and 1 written per value.
#include "kernels/cuda/launch.h"
#include "kernels/cuda/values_cuda.h"
#include "kernels/picture/to_bytes.h"

namespace inpaint::cuda {
namespace {

__device__ inline float product(float value) { return __fmul_rn(value, 127.5f); }
__device__ inline float product(double value) { return __double2float_rn(value * 127.5); }

template <typename T>
__device__ uint8_t to_byte(T value) {
  const float sum = __fadd_rn(product(value), 127.5f);                  // two roundings, never one
  return static_cast<uint8_t>(sum > 0.0f ? fminf(sum, 255.0f) : 0.0f);  // a NaN is not > 0
}

// sm_90: at most 32 registers, 128-bit loads
template <bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    to_bytes_kernel(const T* __restrict__ values, int64_t n, uint8_t* __restrict__ bytes) {
  constexpr int kSize = Pack<T>::kSize;
  for (int64_t i = kSize * global_thread(); i < n; i += kSize * grid_threads()) {
    const Pack<T> from = load<kPacked, kSize>(values, i, n);
    Pack<uint8_t, kSize> to;
#pragma unroll
    for (int k = 0; k < kSize; ++k) to[k] = to_byte(value_of(from[k]));
    store<kPacked>(to, bytes, i, n);
  }
}

}  // namespace

void to_bytes(const Context& ctx, const Tensor& values, const Tensor& bytes) {
  visit_activation_type(values.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    constexpr int kSize = Pack<D>::kSize;
    const int64_t n = values.elements();
    const D* const from = data_of<T>(values);
    uint8_t* const to = bytes.as<uint8_t>();
    const auto kernel =
        can_pack<kSize>(from) && can_pack<kSize>(to) ? to_bytes_kernel<true, D> : to_bytes_kernel<false, D>;
    launch_1d("to_bytes", ctx.stream(), (n + kSize - 1) / kSize, kernel, from, n, to);
  });
}

}  // namespace inpaint::cuda
