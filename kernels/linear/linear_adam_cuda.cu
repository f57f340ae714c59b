// linear_adam on CUDA; contract in linear_adam.h.
//
// In bf16 one kernel makes a tile of the gradient on the tensor cores and updates its weights at once: 26
// bytes per weight move, and the gradient never leaves the registers. Otherwise the gradient goes through the
// workspace, which layers share.
#include <algorithm>
#include <cstddef>

#include "kernels/cuda/mma_cuda.h"
#include "kernels/cuda/partial_sums_cuda.h"
#include "kernels/linear/linear_adam.h"
#include "kernels/parameter/adam_update_cuda.h"

namespace inpaint::cuda {

decltype(::inpaint::linear_workspace_bytes) linear_workspace_bytes;
decltype(::inpaint::linear_backward_weight) linear_backward_weight;
decltype(::inpaint::adam_workspace_bytes) adam_workspace_bytes;
decltype(::inpaint::adam) adam;

namespace {

// ---- One kernel ------------------------------------------------------------------------------------------
// A block: kTile outputs x kTile inputs of the weights. Its 8 warps: 4 along the outputs, 2 along the inputs;
// a warp has 2 x 8 products of 16 x 8. Examples are taken kDepth at a time; the next ones are fetched while
// these are multiplied.

constexpr int kTile = 128, kDepth = 32, kPairs = kDepth / 2;
constexpr int kWarpRows = 32, kWarpCols = 64;
constexpr int kVector = 8;       // bf16 values of an access
constexpr int kRow = kTile + 8;  // words of a row in shared memory: lanes of a fragment meet different banks

// Two examples' values of eight features, as words that hold both examples' value of one feature.
struct PairOfVectors {
  Pack<uint32_t, 4> even, odd;

  // Examples 2 pair and 2 pair + 1 of `rows`; zero where there are none.
  __device__ void load(const __nv_bfloat16* from, int64_t rows, int64_t width, int64_t row, int64_t column) {
    even = odd = {};
    if (column >= width) return;
    if (row < rows) even = *reinterpret_cast<const Pack<uint32_t, 4>*>(from + row * width + column);
    if (row + 1 < rows) odd = *reinterpret_cast<const Pack<uint32_t, 4>*>(from + (row + 1) * width + column);
  }
  __device__ void store(uint32_t* to) const {
    Pack<uint32_t, 4> words[2];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      words[i / 2][i % 2 * 2] = (even.values[i] & 0xffffu) | odd.values[i] << 16;
      words[i / 2][i % 2 * 2 + 1] = even.values[i] >> 16 | (odd.values[i] & 0xffff0000u);
    }
    *reinterpret_cast<Pack<uint32_t, 4>*>(to) = words[0];
    *reinterpret_cast<Pack<uint32_t, 4>*>(to + 4) = words[1];
  }
};

struct Layer {
  int64_t n, in, out;
};

// half_squares: of the weights before the update.
// sm_90: at most 128 registers, 128-bit loads, 128-bit stores
template <typename T>
__global__ void __launch_bounds__(kBlockThreads, 2)
    linear_adam_kernel(Layer s, AdamCoefficients<float> k, const double* __restrict__ rate,
                       const T* __restrict__ x, const T* __restrict__ dy, float* __restrict__ w,
                       float* __restrict__ m, float* __restrict__ v, T* __restrict__ weights_bf16,
                       LaunchSum half_squares) {
  __shared__ __align__(16) uint32_t dys[kPairs][kRow], xs[kPairs][kRow];  // [pair of examples, feature]
  const int thread = static_cast<int>(threadIdx.x), warp = thread / 32, g = thread % 32 / 4, t = thread % 4;
  const int64_t o0 = int64_t{blockIdx.y} * kTile, i0 = int64_t{blockIdx.x} * kTile;
  const int warp_row = warp % 4 * kWarpRows, warp_col = warp / 4 * kWarpCols;

  // What this thread brings to shared memory.
  const int pair = thread / (kTile / kVector), feature = thread % (kTile / kVector) * kVector;
  PairOfVectors next_dy, next_x;
  const auto fetch = [&](int64_t first) {
    next_dy.load(dy, s.n, s.out, first + 2 * pair, o0 + feature);
    next_x.load(x, s.n, s.in, first + 2 * pair, i0 + feature);
  };

  float sums[2][8][4] = {};
  fetch(0);
  for (int64_t first = 0; first < s.n; first += kDepth) {
    if (first > 0) __syncthreads();
    next_dy.store(&dys[pair][feature]);
    next_x.store(&xs[pair][feature]);
    __syncthreads();
    if (first + kDepth < s.n) fetch(first + kDepth);
#pragma unroll
    for (int p = 0; p < kPairs; p += 8) {
      uint32_t a[2][4];
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const int row = warp_row + 16 * i + g;
        a[i][0] = dys[p + t][row];
        a[i][1] = dys[p + t][row + 8];
        a[i][2] = dys[p + t + 4][row];
        a[i][3] = dys[p + t + 4][row + 8];
      }
      // Columns are dealt so that a lane's results of products 2q and 2q + 1 are four neighbours.
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        const int column = warp_col + j / 2 * 16 + j % 2 * 2 + g / 2 * 4 + g % 2;
        const uint32_t b[2] = {xs[p + t][column], xs[p + t + 4][column]};
#pragma unroll
        for (int i = 0; i < 2; ++i) mma_bf16(sums[i][j], a[i], b);
      }
    }
  }

  const auto lr_t = static_cast<float>(*rate);
  double squares = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) {  // rows g, g + 8, g + 16, g + 24 of the warp
    const int64_t row = o0 + warp_row + 8 * i + g;
    float sum = 0;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      Pack<float, 4> weight[2], mean[2], square[2];
#pragma unroll
      for (int q = 0; q < 2; ++q) {
        const int64_t column = i0 + warp_col + (2 * half + q) * 16 + 4 * t, at = row * s.in + column;
        if (row >= s.out || column >= s.in) continue;
        weight[q] = *reinterpret_cast<const Pack<float, 4>*>(w + at);
        mean[q] = *reinterpret_cast<const Pack<float, 4>*>(m + at);
        square[q] = *reinterpret_cast<const Pack<float, 4>*>(v + at);
      }
#pragma unroll
      for (int q = 0; q < 2; ++q) {
        const int64_t column = i0 + warp_col + (2 * half + q) * 16 + 4 * t, at = row * s.in + column;
        if (row >= s.out || column >= s.in) continue;
        Pack<T, 4> copy;
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          sum = fma(weight[q][e], weight[q][e], sum);
          const float gradient = sums[i / 2][2 * (2 * half + q) + e / 2][i % 2 * 2 + e % 2];
          adam_update(k, lr_t, gradient, true, weight[q][e], mean[q][e], square[q][e]);
          copy[e] = rounded_to<T>(weight[q][e]);
        }
        *reinterpret_cast<Pack<float, 4>*>(w + at) = weight[q];
        *reinterpret_cast<Pack<float, 4>*>(m + at) = mean[q];
        *reinterpret_cast<Pack<float, 4>*>(v + at) = square[q];
        if (weights_bf16 != nullptr) *reinterpret_cast<Pack<T, 4>*>(weights_bf16 + at) = copy;
      }
    }
    squares += sum;
  }
  half_squares.add(squares);
}

int64_t tiles(int64_t n) { return (n + kTile - 1) / kTile; }

bool is_one_kernel(const Context& ctx, const LinearShape& s, DType dtype) {
  return dtype == DType::kBF16 && ctx.has_tensor_cores_for_bf16() && s.in % kVector == 0 &&
         s.out % kVector == 0;
}

void run_one_kernel(const Context& ctx, const AdamOptions& options, const Tensor& rate, const LinearShape& s,
                    const Tensor& x, const Tensor& dy, const Tensor& w, const Tensor& m, const Tensor& v,
                    const Tensor* weights_bf16, const Tensor* half_squares) {
  const auto* const xs = data_of<bf16>(x);
  const auto* const dys = data_of<bf16>(dy);
  auto* const copies = weights_bf16 == nullptr ? nullptr : data_of<bf16>(*weights_bf16);
  float *const ws = w.as<float>(), *const ms = m.as<float>(), *const vs = v.as<float>();
  INPAINT_CHECK(can_pack<kVector>(xs, dys) && can_pack<4>(copies) && can_pack<4>(ws, ms, vs),
                "linear_adam: a tensor does not begin at a multiple of 16 bytes (weights_bf16: 8 bytes)");
  const LaunchSum sum = half_squares == nullptr
                            ? LaunchSum()
                            : LaunchSum(ctx, tiles(s.in) * tiles(s.out), 2, half_squares->as<double>());
  launch("linear_adam", ctx.stream(),
         dim3(static_cast<unsigned>(tiles(s.in)), static_cast<unsigned>(tiles(s.out))), dim3(kBlockThreads),
         0, linear_adam_kernel<__nv_bfloat16>, Layer{s.n, s.in, s.out}, AdamCoefficients<float>(options),
         rate.as<double>(), xs, dys, ws, ms, vs, copies, sum);
}

// ---- Two ops ---------------------------------------------------------------------------------------------

constexpr int64_t kAlignment = 256;

// What the two ops need, in front of the gradient.
int64_t bytes_of_ops(const Context& ctx, const LinearShape& shape, DType dtype) {
  const int64_t bytes = std::max(cuda::linear_workspace_bytes(ctx, shape, dtype),
                                 cuda::adam_workspace_bytes(ctx, shape.in * shape.out));
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

int64_t linear_adam_workspace_bytes(const Context& ctx, const LinearShape& shape, DType dtype) {
  if (is_one_kernel(ctx, shape, dtype))
    return LaunchSum::workspace_bytes(ctx, tiles(shape.in) * tiles(shape.out));
  return bytes_of_ops(ctx, shape, dtype) + shape.in * shape.out * size_of(parameter_dtype(dtype));
}

void linear_adam(const Context& ctx, const AdamOptions& options, const Tensor& rate, const Tensor& x,
                 const Tensor& dy, const Tensor& w, const Tensor& m, const Tensor& v,
                 const Tensor* weights_bf16, const Tensor* half_squares) {
  const LinearShape shape{x.shape[0], x.shape[1], dy.shape[1]};
  if (is_one_kernel(ctx, shape, x.dtype))
    return run_one_kernel(ctx, options, rate, shape, x, dy, w, m, v, weights_bf16, half_squares);
  auto* const workspace =
      static_cast<std::byte*>(ctx.workspace(cuda::linear_adam_workspace_bytes(ctx, shape, x.dtype)));
  Tensor gradient = w;
  gradient.data = workspace + bytes_of_ops(ctx, shape, x.dtype);
  cuda::linear_backward_weight(ctx, x, dy, gradient, GradMode::kOverwrite);
  const int64_t all = w.elements();
  const auto flat = [&](const Tensor& t) { return t.reshaped({all}); };
  cuda::adam(ctx, options, rate, all,
             {.grad = flat(gradient),
              .param = flat(w),
              .m = flat(m),
              .v = flat(v),
              .weights_bf16 = weights_bf16 == nullptr ? Tensor{} : flat(*weights_bf16),
              .half_squares = half_squares == nullptr ? Tensor{} : *half_squares});
}

}  // namespace inpaint::cuda
