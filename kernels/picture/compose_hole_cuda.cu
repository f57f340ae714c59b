// compose_hole on CUDA; contract in compose_hole.h. Memory-bound: filled read and painted written once, the
// residual read where pixels are missing. The gradient is read and added to there alone.
#include "kernels/cuda/launch.h"
#include "kernels/cuda/mask_cuda.h"
#include "kernels/cuda/partial_sums_cuda.h"
#include "kernels/cuda/values_cuda.h"
#include "kernels/picture/compose_hole.h"

namespace inpaint::cuda {
namespace {

// In place, packs without a missing value stay as they are. filled and painted are not __restrict__: they may
// be one array.
// sm_90: at most 48 registers, 128-bit loads, 128-bit stores
template <bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    compose_hole_kernel(unsigned all, unsigned c, const Compute<T>* filled, const T* __restrict__ residual,
                        const uint8_t* __restrict__ mask, Compute<T>* painted) {
  constexpr int kSize = Pack<Compute<T>>::kSize;
  const auto step = static_cast<unsigned>(kSize * grid_threads());
  for (auto at = static_cast<unsigned>(kSize * global_thread()); at < all; at += step) {
    const unsigned missing = missing_values<kSize>(mask, at, all, c);
    if (missing == 0 && filled == painted) continue;
    Pack<Compute<T>> values = load<kPacked, kSize>(filled, at, all);
    if (missing != 0) {
      const Pack<T, kSize> added = load<kPacked, kSize>(residual, at, all);
#pragma unroll
      for (int k = 0; k < kSize; ++k)
        if (missing >> k & 1) values[k] += value_of(added[k]);
    }
    store<kPacked>(values, painted, at, all);
  }
}

// A thread adds to packs of dresidual, which has `all` values. It reads dx value by value: neighbouring
// threads read neighbouring values, and a pack of dresidual is no whole number of packs of dx.
// sm_90: at most 40 registers, 128-bit loads, 128-bit stores
template <bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    compose_hole_backward_kernel(unsigned all, unsigned c, const T* __restrict__ dx,
                                 const uint8_t* __restrict__ mask, const double* __restrict__ scale,
                                 T* __restrict__ dresidual, LaunchSum squares) {
  constexpr int kSize = Pack<T>::kSize;
  const auto factor = static_cast<Compute<T>>(*scale);
  const auto step = static_cast<unsigned>(kSize * grid_threads());
  double sum = 0;
  for (auto at = static_cast<unsigned>(kSize * global_thread()); at < all; at += step) {
    const unsigned missing = missing_values<kSize>(mask, at, all, c);
    if (missing == 0) continue;
    unsigned pixel = at / c, channel = at - pixel * c;
    Pack<T> values = load<kPacked, kSize>(dresidual, at, all);
#pragma unroll
    for (int k = 0; k < kSize; ++k) {
      if (missing >> k & 1) {
        const Compute<T> d = value_of(dx[at + k + pixel]);
        values[k] = rounded_to<T>(value_of(values[k]) + factor * d);
        sum += static_cast<double>(d) * static_cast<double>(d);
      }
      if (++channel == c) {
        channel = 0;
        ++pixel;
      }
    }
    store<kPacked>(values, dresidual, at, all);
  }
  squares.add(sum);
}

}  // namespace

// Packs of two values, the least there are, make the most blocks.
int64_t compose_hole_backward_workspace_bytes(const Context& ctx, const Shape& dresidual) {
  return LaunchSum::workspace_bytes(ctx, blocks_1d((dresidual.elements() + 1) / 2));
}

void compose_hole_backward(const Context& ctx, const Tensor& dx, const Tensor& mask, const Tensor& scale,
                           const Tensor& dresidual, const Tensor& squares) {
  const int64_t all = dresidual.elements(), c = dresidual.shape[3];
  INPAINT_CHECK(dx.elements() < int64_t{1} << 31, "compose_hole_backward: dx of {}", to_string(dx.shape));
  visit_activation_type(dx.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    constexpr int kSize = Pack<D>::kSize;
    const int64_t packs = (all + kSize - 1) / kSize;
    D* const to = data_of<T>(dresidual);
    const LaunchSum sum =
        squares.data == nullptr ? LaunchSum() : LaunchSum(ctx, blocks_1d(packs), 1, squares.as<double>());
    launch_1d(
        "compose_hole_backward", ctx.stream(), packs,
        can_pack<kSize>(to) ? compose_hole_backward_kernel<true, D> : compose_hole_backward_kernel<false, D>,
        all, c, data_of<T>(dx), mask.as<uint8_t>(), scale.as<double>(), to, sum);
  });
}

void compose_hole(const Context& ctx, const Tensor& filled, const Tensor& residual, const Tensor& mask,
                  const Tensor& painted) {
  const int64_t all = filled.elements(), c = filled.shape[3];
  INPAINT_CHECK(all < int64_t{1} << 31, "compose_hole: filled of {}", to_string(filled.shape));
  visit_activation_type(residual.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    using F = Compute<D>;
    constexpr int kSize = Pack<F>::kSize;
    const F* const from = filled.as<F>();
    const D* const residuals = data_of<T>(residual);
    F* const to = painted.as<F>();
    const bool packed = can_pack<kSize>(from, to) && can_pack<kSize>(residuals);
    launch_1d("compose_hole", ctx.stream(), (all + kSize - 1) / kSize,
              packed ? compose_hole_kernel<true, D> : compose_hole_kernel<false, D>, all, c, from, residuals,
              mask.as<uint8_t>(), to);
  });
}

}  // namespace inpaint::cuda
