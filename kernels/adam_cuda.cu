// adam on CUDA; contract in adam.h. Memory-bound: four arrays read and three written, once, and the bf16 copy of the
// weights with them: 28 + 2 bytes per parameter.
#include <limits>

#include "kernels/adam.h"
#include "kernels/partial_sums_cuda.h"
#include "kernels/values_cuda.h"

namespace inpaint::cuda {
namespace {

constexpr int kValues = 8;  // of a thread at a time: 16 bytes of the bf16 copy

template <typename T>
struct Coefficients {
  T beta1, rest1, beta2, rest2, epsilon, decay, clip;

  explicit Coefficients(const AdamOptions& o)
      : beta1(static_cast<T>(o.beta1)),
        rest1(static_cast<T>(1 - o.beta1)),
        beta2(static_cast<T>(o.beta2)),
        rest2(static_cast<T>(1 - o.beta2)),
        epsilon(static_cast<T>(o.epsilon)),
        decay(static_cast<T>(o.weight_decay)),
        clip(static_cast<T>(o.clip.value_or(std::numeric_limits<double>::infinity()))) {}
};

// A NaN stays one.
template <typename T>
__device__ T clipped(T g, T clip) {
  return g < -clip ? -clip : g > clip ? clip : g;
}

// Updates values i, i + 1, ... and returns the sum of the squares of those before `decayed`, as they were.
template <bool kPacked, typename T>
__device__ T update(const Coefficients<T>& k, T rate, int64_t i, int64_t n, int64_t decayed, const T* grad,
                    T* w, T* m, T* v, __nv_bfloat16* weights_bf16) {
  const Pack<T, kValues> gradient = load<kPacked, kValues>(grad, i, n);
  Pack<T, kValues> weight = load<kPacked, kValues>(w, i, n), mean = load<kPacked, kValues>(m, i, n),
                   square = load<kPacked, kValues>(v, i, n);
  Pack<__nv_bfloat16, kValues> copy;
  T squares = 0;
#pragma unroll
  for (int j = 0; j < kValues; ++j) {
    const bool decays = i + j < decayed;
    const T before = decays ? weight[j] : 0;
    squares = fma(before, before, squares);
    const T g = clipped(fma(k.decay, before, gradient[j]), k.clip);
    mean[j] = k.beta1 * mean[j] + k.rest1 * g;
    square[j] = k.beta2 * square[j] + k.rest2 * (g * g);
    weight[j] -= rate * mean[j] / (sqrt(square[j]) + k.epsilon);
    copy[j] = rounded_to<__nv_bfloat16>(static_cast<float>(weight[j]));
  }
  store<kPacked>(weight, w, i, n);
  store<kPacked>(mean, m, i, n);
  store<kPacked>(square, v, i, n);
  if (weights_bf16 != nullptr) store<kPacked>(copy, weights_bf16, i, decayed);
  return squares;
}

// partial: this block's share of the sum of squares.
// sm_90: at most 80 registers (64 in packs), 128-bit loads, 128-bit stores
template <bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads, kPacked && sizeof(T) == 4 ? 4 : 2)
    adam_kernel(Coefficients<T> k, const double* __restrict__ rate, int64_t n, int64_t decayed,
                const T* __restrict__ grad, T* __restrict__ w, T* __restrict__ m, T* __restrict__ v,
                __nv_bfloat16* __restrict__ weights_bf16, double* __restrict__ partial) {
  const T lr_t = static_cast<T>(*rate);
  double squares = 0;
  for (int64_t i = kValues * global_thread(); i < n; i += kValues * grid_threads())
    squares += update<kPacked>(k, lr_t, i, n, decayed, grad, w, m, v, weights_bf16);
  if (partial == nullptr) return;
  squares = block_sum(squares);
  if (threadIdx.x == 0) partial[blockIdx.x] = squares;
}

int64_t vectors(int64_t parameters) { return (parameters + kValues - 1) / kValues; }

}  // namespace

int64_t adam_workspace_bytes(const Context&, int64_t parameters) {
  return blocks_1d(vectors(parameters)) * size_of(DType::kF64);
}

void adam(const Context& ctx, const AdamOptions& options, const Tensor& rate, int64_t decayed,
          const Tensor& grad, const Tensor& param, const Tensor& m, const Tensor& v,
          const Tensor* weights_bf16, const Tensor* half_squares) {
  const int64_t n = param.elements();
  double* const partial = half_squares == nullptr
                              ? nullptr
                              : static_cast<double*>(ctx.workspace(cuda::adam_workspace_bytes(ctx, n)));
  auto* const copies = weights_bf16 == nullptr ? nullptr : data_of<bf16>(*weights_bf16);
  visit_real(param.dtype, [&]<typename T>(T) {
    const T* const gs = grad.as<T>();
    T *const ws = param.as<T>(), *const ms = m.as<T>(), *const vs = v.as<T>();
    const auto kernel = can_pack<kValues>(gs, ws, ms, vs) && can_pack<kValues>(copies)
                            ? adam_kernel<true, T>
                            : adam_kernel<false, T>;
    launch_1d("adam", ctx.stream(), vectors(n), kernel, Coefficients<T>(options), rate.as<double>(), n,
              decayed, gs, ws, ms, vs, copies, partial);
  });
  if (half_squares != nullptr)
    add_partial_sums("adam, half_squares", ctx, partial, blocks_1d(vectors(n)), 2,
                     half_squares->as<double>());
}

}  // namespace inpaint::cuda
