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
// sm_90: at most 80 registers (64 in packs), 128-bit loads, 128-bit stores
template <bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads, kPacked && sizeof(T) == 4 ? 4 : 2)
    adam_kernel(AdamCoefficients<T> k, const double* __restrict__ rate, int64_t n, int64_t decayed,
                const T* __restrict__ grad, T* __restrict__ w, T* __restrict__ m, T* __restrict__ v,
                __nv_bfloat16* __restrict__ weights_bf16, LaunchSum half_squares) {
  const T lr_t = static_cast<T>(*rate);
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
        adam_update(k, lr_t, gradient[j], decays, weight[j], mean[j], square[j]);
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

// No parameters have a sum too: one block makes it.
int64_t threads_of(int64_t parameters) {
  return std::max<int64_t>(1, (parameters + kValues * kPacks - 1) / (kValues * kPacks));
}

}  // namespace

int64_t adam_workspace_bytes(const Context& ctx, int64_t parameters) {
  return LaunchSum::workspace_bytes(ctx, blocks_1d(threads_of(parameters)));
}

void adam(const Context& ctx, const AdamOptions& options, const Tensor& rate, int64_t decayed,
          const Tensor& grad, const Tensor& param, const Tensor& m, const Tensor& v,
          const Tensor* weights_bf16, const Tensor* half_squares) {
  const int64_t n = param.elements();
  const LaunchSum sum = half_squares == nullptr
                            ? LaunchSum()
                            : LaunchSum(ctx, blocks_1d(threads_of(n)), 2, half_squares->as<double>());
  auto* const copies = weights_bf16 == nullptr ? nullptr : data_of<bf16>(*weights_bf16);
  visit_real(param.dtype, [&]<typename T>(T) {
    const T* const gs = grad.as<T>();
    T *const ws = param.as<T>(), *const ms = m.as<T>(), *const vs = v.as<T>();
    const auto kernel = can_pack<kValues>(gs, ws, ms, vs) && can_pack<kValues>(copies)
                            ? adam_kernel<true, T>
                            : adam_kernel<false, T>;
    launch_1d("adam", ctx.stream(), threads_of(n), kernel, AdamCoefficients<T>(options), rate.as<double>(), n,
              decayed, gs, ws, ms, vs, copies, sum);
  });
}

}  // namespace inpaint::cuda
