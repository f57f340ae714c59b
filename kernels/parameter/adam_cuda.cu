// adam on CUDA; contract in adam.h. Memory-bound: four arrays read and three written, once, and the bf16 copy
// of the weights with them: 28 + 2 bytes per parameter. Neighbouring threads take neighbouring 16 bytes.
#include "kernels/cuda/partial_sums_cuda.h"
#include "kernels/parameter/adam_update_cuda.h"

namespace inpaint::cuda {
namespace {

constexpr int kValues = 4;  // in a pack: 16 bytes of floats
constexpr int kPacks = 2;   // that a thread has on their way at a time

template <typename T>
struct Values {
  Pack<T, kValues> gradient, weight, mean, square;
};

// half_squares: of the weights that decay, before the update.
// sm_90: at most 80 registers (64 in packs without a scale), 128-bit loads, 128-bit stores
template <bool kPacked, bool kScaled, typename T>
__global__ void __launch_bounds__(kBlockThreads, kPacked && sizeof(T) == 4 ? (kScaled ? 3 : 4) : 2)
    adam_kernel(AdamCoefficients<T> k, const double* __restrict__ rate, const double* __restrict__ grad_scale,
                int64_t n, int64_t decayed, const T* __restrict__ grad, T* __restrict__ w, T* __restrict__ m,
                T* __restrict__ v, __nv_bfloat16* __restrict__ weights_bf16, LaunchSum half_squares) {
  const T lr_t = static_cast<T>(*rate), scale = kScaled ? static_cast<T>(*grad_scale) : T(1);
  const int64_t step = kValues * grid_threads();
  double squares = 0;
  for (int64_t first = kValues * global_thread(); first < n; first += kPacks * step) {
    Values<T> packs[kPacks];
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      const int64_t i = first + p * step;
      if (i >= n) break;
      packs[p] = {load<kPacked, kValues>(grad, i, n), load<kPacked, kValues>(w, i, n),
                  load<kPacked, kValues>(m, i, n), load<kPacked, kValues>(v, i, n)};
    }
    T sum = 0;
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      const int64_t i = first + p * step;
      if (i >= n) break;
      auto& [gradient, weight, mean, square] = packs[p];
      Pack<__nv_bfloat16, kValues> copy;
#pragma unroll
      for (int j = 0; j < kValues; ++j) {
        const bool decays = i + j < decayed;
        if (decays) sum = fma(weight[j], weight[j], sum);
        adam_update(k, lr_t, scale * gradient[j], decays, weight[j], mean[j], square[j]);
        copy[j] = rounded_to<__nv_bfloat16>(static_cast<float>(weight[j]));
      }
      store<kPacked>(weight, w, i, n);
      store<kPacked>(mean, m, i, n);
      store<kPacked>(square, v, i, n);
      if (weights_bf16 != nullptr) store<kPacked>(copy, weights_bf16, i, decayed);
    }
    squares += sum;
  }
  half_squares.add(squares);
}

template <bool kScaled, typename T>
auto kernel_of(bool packed) {
  return packed ? adam_kernel<true, kScaled, T> : adam_kernel<false, kScaled, T>;
}

// No parameters have a sum too: one block makes it.
int64_t threads_of(int64_t parameters) {
  return std::max<int64_t>(1, (parameters + kValues * kPacks - 1) / (kValues * kPacks));
}

}  // namespace

int64_t adam_workspace_bytes(const Context& ctx, int64_t parameters) {
  return LaunchSum::workspace_bytes(ctx, blocks_1d(threads_of(parameters)));
}

void adam(const Context& ctx, const AdamOptions& options, const Tensor& rate, int64_t decayed,
          const AdamArrays& a) {
  const int64_t n = a.param.elements();
  const LaunchSum sum = a.half_squares.data == nullptr
                            ? LaunchSum()
                            : LaunchSum(ctx, blocks_1d(threads_of(n)), 2, a.half_squares.as<double>());
  auto* const copies = a.weights_bf16.data == nullptr ? nullptr : data_of<bf16>(a.weights_bf16);
  const double* const scale = a.grad_scale.data == nullptr ? nullptr : a.grad_scale.as<double>();
  visit_real(a.param.dtype, [&]<typename T>(T) {
    const T* const gs = a.grad.as<T>();
    T *const ws = a.param.as<T>(), *const ms = a.m.as<T>(), *const vs = a.v.as<T>();
    const bool packed = can_pack<kValues>(gs, ws, ms, vs) && can_pack<kValues>(copies);
    const auto kernel = scale == nullptr ? kernel_of<false, T>(packed) : kernel_of<true, T>(packed);
    launch_1d("adam", ctx.stream(), threads_of(n), kernel, AdamCoefficients<T>(options), rate.as<double>(),
              scale, n, decayed, gs, ws, ms, vs, copies, sum);
  });
}

}  // namespace inpaint::cuda
