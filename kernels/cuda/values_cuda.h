// The values of tensors in CUDA kernels: bf16 as CUDA's own type, what is computed in, and accesses of 16
// bytes. Only .cu files include this.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "core/device/tensor.h"

namespace inpaint::cuda {

namespace detail {
template <typename T>
struct Types {
  using Device = T;
  using Compute = T;
};
template <>
struct Types<bf16> {
  using Device = __nv_bfloat16;
};
template <>
struct Types<__nv_bfloat16> {
  using Compute = float;
};
}  // namespace detail

// What a kernel knows a tensor's T as, and the type it computes in with values of it.
template <typename T>
using DeviceType = typename detail::Types<T>::Device;
template <typename T>
using Compute = typename detail::Types<T>::Compute;

template <typename T>
DeviceType<T>* data_of(const Tensor& tensor) {
  return reinterpret_cast<DeviceType<T>*>(tensor.as<T>());
}

template <typename T>
__device__ Compute<T> value_of(T stored) {
  if constexpr (sizeof(T) == 2)
    return __bfloat162float(stored);
  else
    return stored;
}

// To the nearest, ties to even.
template <typename T>
__device__ T rounded_to(Compute<T> value) {
  if constexpr (sizeof(T) == 2)
    return __float2bfloat16_rn(value);
  else
    return value;
}

// N values that lie side by side and are loaded or stored at once.
template <typename T, int N = 16 / sizeof(T)>
struct alignas(sizeof(T) * N) Pack {
  static constexpr int kSize = N;
  T values[N];

  __device__ T& operator[](int k) { return values[k]; }
  __device__ const T& operator[](int k) const { return values[k]; }
};

// Values i, i + 1, ... of an array, of which those from `end` on are not there and read as zero. A packed
// load is made where kPacked promises that array + i is a multiple of a pack's size; the values are the
// same without.
template <bool kPacked, int N, typename T>
__device__ Pack<T, N> load(const T* array, int64_t i, int64_t end) {
  if (kPacked && i + N <= end) return *reinterpret_cast<const Pack<T, N>*>(array + i);
  Pack<T, N> pack;
#pragma unroll
  for (int k = 0; k < N; ++k) pack[k] = i + k < end ? array[i + k] : T(0);
  return pack;
}

template <bool kPacked, int N, typename T>
__device__ void store(const Pack<T, N>& pack, T* array, int64_t i, int64_t end) {
  if (kPacked && i + N <= end) {
    *reinterpret_cast<Pack<T, N>*>(array + i) = pack;
    return;
  }
#pragma unroll
  for (int k = 0; k < N; ++k)
    if (i + k < end) array[i + k] = pack[k];
}

// May packs of N values be loaded from each of these arrays? (Null ones do not count.)
template <int N, typename... T>
bool can_pack(const T*... arrays) {
  return ((reinterpret_cast<uintptr_t>(arrays) % (N * sizeof(T)) == 0) && ...);
}

}  // namespace inpaint::cuda
