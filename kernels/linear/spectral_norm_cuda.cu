// spectral_norm on CUDA; contract in spectral_norm.h. Memory-bound: the weight is read three times, and twice
// for the gradient; it stays in the cache. Three launches, and two for the gradient: each needs a sum over
// all of the one before.
#include "kernels/cuda/grad_mode_cuda.h"
#include "kernels/cuda/partial_sums_cuda.h"
#include "kernels/linear/spectral_norm.h"

namespace inpaint::cuda {
namespace {

struct Matrix {
  int64_t k, r;
  int64_t values() const { return k * r; }
};

Matrix matrix_of(const Shape& weight) { return {weight[0], weight.elements() / weight[0]}; }

// A block of W^T u: kLanes threads lie along a row, a pack each, and kGroups take the rows in turns.
constexpr int kLanes = 8, kGroups = kBlockThreads / kLanes;
// A block of W v: a warp has a row.
constexpr int kWarps = kBlockThreads / 32;

// Every thread gets the root of the sum of squares of what other blocks wrote. All threads of the block call
// this, once in a kernel.
__device__ double block_length(const double* values, int64_t n) {
  __shared__ double length;
  double squares = 0;
  for (int64_t i = threadIdx.x; i < n; i += kBlockThreads) squares += values[i] * values[i];
  squares = block_sum(squares);
  if (threadIdx.x == 0) length = sqrt(squares);
  __syncthreads();
  return length;
}

// columns = W^T u and, in the last block, v.
// sm_90: at most 48 registers, 128-bit loads
template <bool kPacked, typename F>
__global__ void __launch_bounds__(kBlockThreads)
    spectral_columns_kernel(Matrix m, const F* __restrict__ weight, const F* __restrict__ u, double* columns,
                            unsigned* counter, F* __restrict__ v) {
  constexpr int kSize = Pack<F>::kSize, kTile = kLanes * kSize;
  __shared__ double sums[kGroups][kTile + 1];
  const int lane = static_cast<int>(threadIdx.x) % kLanes, group = static_cast<int>(threadIdx.x) / kLanes;
  for (int64_t tile = int64_t{blockIdx.x} * kTile; tile < m.r; tile += int64_t{gridDim.x} * kTile) {
    double mine[kSize] = {};
#pragma unroll 2
    for (int64_t row = group; row < m.k; row += kGroups) {
      const Pack<F> values = load<kPacked, kSize>(weight + row * m.r, tile + lane * kSize, m.r);
      const double factor = u[row];
#pragma unroll
      for (int j = 0; j < kSize; ++j) mine[j] += factor * static_cast<double>(values[j]);
    }
#pragma unroll
    for (int j = 0; j < kSize; ++j) sums[group][lane * kSize + j] = mine[j];
    __syncthreads();
    const auto at = static_cast<int>(threadIdx.x);
    if (at < kTile && tile + at < m.r) {
      double sum = 0;
      for (int g = 0; g < kGroups; ++g) sum += sums[g][at];
      columns[tile + at] = sum;
    }
    __syncthreads();
  }
  if (!is_last_block(counter, gridDim.x)) return;
  const double length = block_length(columns, m.r);
  for (int64_t i = threadIdx.x; i < m.r; i += kBlockThreads)
    v[i] = length == 0 ? F(0) : static_cast<F>(columns[i] / length);
}

// rows = W v and, in the last block, sigma and next_u.
// sm_90: at most 48 registers, 128-bit loads
template <bool kPacked, typename F>
__global__ void __launch_bounds__(kBlockThreads)
    spectral_rows_kernel(Matrix m, const F* __restrict__ weight, const F* __restrict__ v,
                         const F* __restrict__ u, double* rows, unsigned* counter, F* __restrict__ sigma,
                         F* __restrict__ next_u) {
  constexpr int kSize = Pack<F>::kSize;
  const int64_t lane = threadIdx.x % 32;
  for (int64_t row = int64_t{blockIdx.x} * kWarps + threadIdx.x / 32; row < m.k;
       row += int64_t{gridDim.x} * kWarps) {
    double sum = 0;
#pragma unroll 2
    for (int64_t at = lane * kSize; at < m.r; at += 32 * kSize) {
      const Pack<F> values = load<kPacked, kSize>(weight + row * m.r, at, m.r);
      const Pack<F> factors = load<kPacked, kSize>(v, at, m.r);  // 0 behind the end
#pragma unroll
      for (int j = 0; j < kSize; ++j) sum += static_cast<double>(values[j]) * static_cast<double>(factors[j]);
    }
    sum = warp_sum(sum);
    if (lane == 0) rows[row] = sum;
  }
  if (!is_last_block(counter, gridDim.x)) return;
  const double length = block_length(rows, m.k);
  const bool is_zero = static_cast<F>(length) == 0;
  if (threadIdx.x == 0) *sigma = static_cast<F>(length);
  for (int64_t i = threadIdx.x; i < m.k; i += kBlockThreads)
    next_u[i] = is_zero ? u[i] : static_cast<F>(rows[i] / length);
}

// normed = W / sigma
// sm_90: at most 40 registers, 128-bit loads
template <bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    spectral_normed_kernel(int64_t n, const Compute<T>* __restrict__ weight,
                           const Compute<T>* __restrict__ sigma, T* __restrict__ normed) {
  using F = Compute<T>;
  constexpr int kSize = Pack<F>::kSize;
  const F divisor = *sigma;
  for (int64_t i = kSize * global_thread(); i < n; i += kSize * grid_threads()) {
    const Pack<F> values = load<kPacked, kSize>(weight, i, n);
    F quotients[kSize];
#pragma unroll
    for (int j = 0; j < kSize; ++j) quotients[j] = divisor == 0 ? F(0) : values[j] / divisor;
    write_gradient<Write::kOverwrite, kPacked>(quotients, normed, i, n);
  }
}

// <dnormed, W>
// sm_90: at most 40 registers, 128-bit loads
template <bool kPacked, typename F>
__global__ void __launch_bounds__(kBlockThreads)
    spectral_dot_kernel(int64_t n, const F* __restrict__ dnormed, const F* __restrict__ weight,
                        LaunchSum sum) {
  constexpr int kSize = Pack<F>::kSize;
  double mine = 0;
  for (int64_t i = kSize * global_thread(); i < n; i += kSize * grid_threads()) {
    const Pack<F> a = load<kPacked, kSize>(dnormed, i, n), b = load<kPacked, kSize>(weight, i, n);
#pragma unroll
    for (int j = 0; j < kSize; ++j) mine += static_cast<double>(a[j]) * static_cast<double>(b[j]);
  }
  sum.add(mine);
}

// What a weight's gradient is made with, but for the gradient of the normed weight.
template <typename F>
struct Norm {
  const F *u, *v, *sigma;
  const double* dot;  // <dnormed, W>
};

// A pack may lie over two rows or more: u and v are read value by value, from the cache.
// sm_90: at most 40 registers, 128-bit loads, 128-bit stores
template <Write W, bool kPacked, typename F>
__global__ void __launch_bounds__(kBlockThreads)
    spectral_gradient_kernel(unsigned n, unsigned r, const F* __restrict__ dnormed, Norm<F> norm,
                             F* __restrict__ dweight) {
  constexpr int kSize = Pack<F>::kSize;
  const F sigma = *norm.sigma;
  const double along = *norm.dot / static_cast<double>(sigma);
  const auto step = static_cast<unsigned>(kSize * grid_threads());
  for (auto i = static_cast<unsigned>(kSize * global_thread()); i < n; i += step) {
    const Pack<F> from = load<kPacked, kSize>(dnormed, i, n);
    unsigned row = i / r, column = i - row * r;
    F gradient[kSize] = {};
#pragma unroll
    for (int j = 0; j < kSize; ++j) {
      if (i + j >= n || sigma == 0) break;
      const F factor = static_cast<F>(along * static_cast<double>(norm.u[row]));
      gradient[j] = (from[j] - factor * norm.v[column]) / sigma;
      if (++column == r) {
        column = 0;
        ++row;
      }
    }
    write_gradient<W, kPacked>(gradient, dweight, i, n);
  }
}

// Packs of two values, the least there are, make the most blocks.
int64_t most_blocks(const Matrix& m) { return blocks_1d((m.values() + 1) / 2); }

dim3 blocks_for(int64_t tiles) { return dim3(static_cast<unsigned>(std::min(tiles, kMaxBlocks1d))); }

template <typename F>
void measure(const Context& ctx, const Matrix& m, const F* weight, const F* u, const SpectralNorm& out,
             double* columns) {
  constexpr int kSize = Pack<F>::kSize, kTile = kLanes * kSize;
  F *const v = out.v.as<F>(), *const sigma = out.sigma.as<F>(), *const next_u = out.next_u.as<F>();
  unsigned* const counter = ticket_counters(ctx, 1);
  const bool packed = m.r % kSize == 0 && can_pack<kSize>(weight);
  launch("spectral_norm columns", ctx.stream(), blocks_for((m.r + kTile - 1) / kTile), dim3(kBlockThreads), 0,
         packed ? spectral_columns_kernel<true, F> : spectral_columns_kernel<false, F>, m, weight, u, columns,
         counter, v);
  launch("spectral_norm rows", ctx.stream(), blocks_for((m.k + kWarps - 1) / kWarps), dim3(kBlockThreads), 0,
         packed && can_pack<kSize>(v) ? spectral_rows_kernel<true, F> : spectral_rows_kernel<false, F>, m,
         weight, v, u, columns + m.r, counter, sigma, next_u);
}

template <typename F>
void differentiate(const Context& ctx, const Matrix& m, const F* dnormed, const F* weight,
                   const SpectralNorm& norm, F* dweight, GradMode mode) {
  constexpr int kSize = Pack<F>::kSize;
  const int64_t n = m.values(), packs = (n + kSize - 1) / kSize;
  double* const dot = static_cast<double*>(ctx.workspace((most_blocks(m) + 1) * size_of(DType::kF64))) +
                      most_blocks(m);  // behind the blocks' sums
  launch_1d("spectral_norm dot", ctx.stream(), packs,
            can_pack<kSize>(dnormed, weight) ? spectral_dot_kernel<true, F> : spectral_dot_kernel<false, F>,
            n, dnormed, weight, LaunchSum(ctx, blocks_1d(packs), 1, dot));
  const Norm<F> made = {norm.next_u.as<F>(), norm.v.as<F>(), norm.sigma.as<F>(), dot};
  visit_write(true, mode, [&]<Write W>(std::integral_constant<Write, W>) {
    const auto kernel = can_pack<kSize>(dnormed, dweight) ? spectral_gradient_kernel<W, true, F>
                                                          : spectral_gradient_kernel<W, false, F>;
    launch_1d("spectral_norm gradient", ctx.stream(), packs, kernel, n, m.r, dnormed, made, dweight);
  });
}

}  // namespace

int64_t spectral_norm_workspace_bytes(const Context& ctx, const Shape& weight) {
  const Matrix m = matrix_of(weight);
  ticket_counters(ctx, 1);
  return std::max(m.k + m.r, most_blocks(m) + 1) * size_of(DType::kF64);
}

void spectral_norm(const Context& ctx, const Tensor& weight, const Tensor& u, const SpectralNorm& out,
                   const Tensor& normed) {
  const Matrix m = matrix_of(weight.shape);
  auto* const columns = static_cast<double*>(ctx.workspace((m.k + m.r) * size_of(DType::kF64)));
  visit_activation_type(normed.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    using F = Compute<D>;
    constexpr int kSize = Pack<F>::kSize;
    const F* const from = weight.as<F>();
    D* const to = data_of<T>(normed);
    measure(ctx, m, from, u.as<F>(), out, columns);
    const bool packed = can_pack<kSize>(from) && can_pack<kSize>(to);
    launch_1d("spectral_norm normed", ctx.stream(), (m.values() + kSize - 1) / kSize,
              packed ? spectral_normed_kernel<true, D> : spectral_normed_kernel<false, D>, m.values(), from,
              out.sigma.as<F>(), to);
  });
}

void spectral_norm_backward(const Context& ctx, const Tensor& dnormed, const Tensor& weight,
                            const SpectralNorm& norm, const Tensor& dweight, GradMode mode) {
  const Matrix m = matrix_of(weight.shape);
  INPAINT_CHECK(m.values() < int64_t{1} << 31, "spectral_norm: weight of {}", to_string(weight.shape));
  visit_real(weight.dtype, [&]<typename F>(F) {
    differentiate(ctx, m, dnormed.as<F>(), weight.as<F>(), norm, dweight.as<F>(), mode);
  });
}

}  // namespace inpaint::cuda
