// normalize_pictures and append_mask on CUDA; contract in picture_input.h. Memory-bound: every input read
// once from memory, every output written once.
#include "kernels/cuda/launch.h"
#include "kernels/cuda/normalized_pixel_cuda.h"
#include "kernels/picture/picture_input.h"

namespace inpaint::cuda {
namespace {

// sm_90: at most 40 registers, 128-bit stores
template <bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    normalize_pictures_kernel(int64_t n, const uint8_t* __restrict__ images, T* __restrict__ pictures) {
  constexpr int kSize = Pack<T>::kSize;
  for (int64_t i = kSize * global_thread(); i < n; i += kSize * grid_threads())
    store<kPacked>(normalized_pack<T>(load<kPacked, kSize>(images, i, n)), pictures, i, n);
}

// A thread writes packs of x. It reads filled value by value: neighbouring threads read neighbouring values,
// and a pack of x is no whole number of packs of filled. `all` is the number of values of x.
// sm_90: at most 40 registers, 128-bit stores
template <bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    append_mask_kernel(unsigned all, unsigned c, const Compute<T>* __restrict__ filled,
                       const uint8_t* __restrict__ mask, T* __restrict__ x) {
  constexpr int kSize = Pack<T>::kSize;
  const auto step = static_cast<unsigned>(kSize * grid_threads());
  for (auto at = static_cast<unsigned>(kSize * global_thread()); at < all; at += step) {
    unsigned pixel = at / (c + 1), channel = at - pixel * (c + 1);
    Pack<T> values;
#pragma unroll
    for (int k = 0; k < kSize; ++k) {
      Compute<T> value = 0;
      if (at + k < all) value = channel < c ? filled[at + k - pixel] : Compute<T>(mask[pixel] != 0);
      values[k] = rounded_to<T>(value);
      if (++channel > c) {
        channel = 0;
        ++pixel;
      }
    }
    store<kPacked>(values, x, at, all);
  }
}

}  // namespace

void normalize_pictures(const Context& ctx, const Tensor& images, const Tensor& pictures) {
  visit_real(pictures.dtype, [&]<typename T>(T) {
    constexpr int kSize = Pack<T>::kSize;
    const int64_t n = images.elements();
    const uint8_t* const bytes = images.as<uint8_t>();
    T* const values = pictures.as<T>();
    const auto kernel = can_pack<kSize>(bytes) && can_pack<kSize>(values)
                            ? normalize_pictures_kernel<true, T>
                            : normalize_pictures_kernel<false, T>;
    launch_1d("normalize_pictures", ctx.stream(), (n + kSize - 1) / kSize, kernel, n, bytes, values);
  });
}

void append_mask(const Context& ctx, const Tensor& filled, const Tensor& mask, const Tensor& x) {
  const int64_t all = x.elements(), c = filled.shape[3];
  INPAINT_CHECK(all < int64_t{1} << 31, "append_mask: x of {}", to_string(x.shape));
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    constexpr int kSize = Pack<D>::kSize;
    D* const xs = data_of<T>(x);
    launch_1d("append_mask", ctx.stream(), (all + kSize - 1) / kSize,
              can_pack<kSize>(xs) ? append_mask_kernel<true, D> : append_mask_kernel<false, D>, all, c,
              filled.as<Compute<D>>(), mask.as<uint8_t>(), xs);
  });
}

}  // namespace inpaint::cuda
