// The linear layer's products on CUDA without a library; contracts in linear.h and linear_direct_cuda.h. The
// kernels for few outputs are bound by memory: they read x (or write dx) once, 16 bytes at a time. The kernel
// for any shape is a plain tile in shared memory.
#include "kernels/cuda/block_sum_cuda.h"
#include "kernels/cuda/values_cuda.h"
#include "kernels/linear/linear_direct_cuda.h"

namespace inpaint::cuda {
namespace {

template <typename T>
constexpr int kPack = 16 / sizeof(T);

// ---- Few outputs -----------------------------------------------------------------------------------------

// A block: one value of y.
// sm_90: at most 40 registers, 128-bit loads
template <bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    linear_few_forward_kernel(int64_t in, int64_t out, const T* __restrict__ x, const T* __restrict__ w,
                              T* __restrict__ y) {
  constexpr int kN = kPack<T>;
  const T *const row = x + blockIdx.x * in, *const weights = w + blockIdx.y * in;
  Compute<T> sum = 0;
  for (int64_t i = kN * int64_t{threadIdx.x}; i < in; i += kN * kBlockThreads) {
    const Pack<T, kN> xs = load<kPacked, kN>(row, i, in), ws = load<kPacked, kN>(weights, i, in);
#pragma unroll
    for (int k = 0; k < kN; ++k) sum = fma(value_of(xs[k]), value_of(ws[k]), sum);
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) y[blockIdx.x * out + blockIdx.y] = rounded_to<T>(sum);
}

// A thread: one pack of dx at a time.
// sm_90: at most 48 registers, 128-bit loads, 128-bit stores
template <bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    linear_few_backward_data_kernel(int64_t n, int64_t in, int64_t out, const T* __restrict__ dy,
                                    const T* __restrict__ w, T* __restrict__ dx) {
  constexpr int kN = kPack<T>;
  const int64_t packs = (in + kN - 1) / kN;
  for (int64_t p = global_thread(); p < n * packs; p += grid_threads()) {
    const int64_t row = p / packs, i = p % packs * kN;
    Compute<T> sums[kN] = {};
    for (int64_t o = 0; o < out; ++o) {
      const Compute<T> d = value_of(dy[row * out + o]);
      const Pack<T, kN> ws = load<kPacked, kN>(w + o * in, i, in);
#pragma unroll
      for (int k = 0; k < kN; ++k) sums[k] = fma(d, value_of(ws[k]), sums[k]);
    }
    Pack<T, kN> result;
#pragma unroll
    for (int k = 0; k < kN; ++k) result[k] = rounded_to<T>(sums[k]);
    store<kPacked>(result, dx + row * in, i, in);
  }
}

// A block: kFeatures packs of one output's dw. Its kSlices warps share the rows of x, and their sums are
// added in order.
constexpr int kFeatures = 32, kSlices = kBlockThreads / kFeatures;

// sm_90: at most 64 registers, 128-bit loads
template <bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    linear_few_backward_weight_kernel(int64_t n, int64_t in, int64_t out, const T* __restrict__ x,
                                      const T* __restrict__ dy, bool add, Compute<T>* __restrict__ dw) {
  constexpr int kN = kPack<T>;
  __shared__ Compute<T> parts[kSlices][kFeatures * kN];
  const int feature = static_cast<int>(threadIdx.x) % kFeatures,
            slice = static_cast<int>(threadIdx.x) / kFeatures;
  const int64_t first = int64_t{blockIdx.x} * kFeatures * kN, i = first + feature * kN, o = blockIdx.y;
  Compute<T> sums[kN] = {};
  if (i < in) {
#pragma unroll 2
    for (int64_t row = slice; row < n; row += kSlices) {
      const Compute<T> d = value_of(dy[row * out + o]);
      const Pack<T, kN> xs = load<kPacked, kN>(x + row * in, i, in);
#pragma unroll
      for (int k = 0; k < kN; ++k) sums[k] = fma(d, value_of(xs[k]), sums[k]);
    }
  }
#pragma unroll
  for (int k = 0; k < kN; ++k) parts[slice][feature * kN + k] = sums[k];
  __syncthreads();
  for (int e = static_cast<int>(threadIdx.x); e < kFeatures * kN && first + e < in; e += kBlockThreads) {
    Compute<T> sum = 0;
    for (int s = 0; s < kSlices; ++s) sum += parts[s][e];
    Compute<T>* const to = dw + o * in + first + e;
    *to = add ? *to + sum : sum;
  }
}

// ---- Any shape -------------------------------------------------------------------------------------------

constexpr int kTile = 32, kRowsOfThread = kTile * kTile / kBlockThreads;

// A matrix where it lies: element (r, c) is at data[r * row + c * col].
template <typename T>
struct Matrix {
  const T* data;
  int64_t row, col;
};

// c [rows, cols] = a [rows, depth] b [depth, cols], or c += a b. A block: 32 x 32 values of c; a thread: four
// of a column.
template <typename T, typename R>
__global__ void __launch_bounds__(kBlockThreads)
    linear_any_kernel(int64_t rows, int64_t cols, int64_t depth, Matrix<T> a, Matrix<T> b, bool add,
                      R* __restrict__ c) {
  __shared__ Compute<T> as[kTile][kTile + 1], bs[kTile][kTile + 1];
  const int column = static_cast<int>(threadIdx.x) % kTile,
            first = static_cast<int>(threadIdx.x) / kTile * kRowsOfThread;
  const int64_t r0 = int64_t{blockIdx.y} * kTile, c0 = int64_t{blockIdx.x} * kTile;
  Compute<T> sums[kRowsOfThread] = {};
  for (int64_t d0 = 0; d0 < depth; d0 += kTile) {
    if (d0 > 0) __syncthreads();
#pragma unroll
    for (int k = 0; k < kRowsOfThread; ++k) {
      const int64_t r = r0 + first + k, d = d0 + first + k;
      const bool has_a = r < rows && d0 + column < depth, has_b = d < depth && c0 + column < cols;
      as[first + k][column] = has_a ? value_of(a.data[r * a.row + (d0 + column) * a.col]) : Compute<T>(0);
      bs[first + k][column] = has_b ? value_of(b.data[d * b.row + (c0 + column) * b.col]) : Compute<T>(0);
    }
    __syncthreads();
    for (int d = 0; d < kTile; ++d) {
#pragma unroll
      for (int k = 0; k < kRowsOfThread; ++k) sums[k] = fma(as[first + k][d], bs[d][column], sums[k]);
    }
  }
  if (c0 + column >= cols) return;
#pragma unroll
  for (int k = 0; k < kRowsOfThread; ++k) {
    const int64_t r = r0 + first + k;
    if (r >= rows) return;
    R* const to = c + r * cols + c0 + column;
    *to = rounded_to<R>(add ? value_of(*to) + sums[k] : sums[k]);
  }
}

template <typename T, typename R>
void run_any(const char* op, const Context& ctx, int64_t rows, int64_t cols, int64_t depth, Matrix<T> a,
             Matrix<T> b, GradMode mode, R* c) {
  const dim3 grid(static_cast<unsigned>((cols + kTile - 1) / kTile),
                  static_cast<unsigned>((rows + kTile - 1) / kTile));
  launch(op, ctx.stream(), grid, dim3(kBlockThreads), 0, linear_any_kernel<T, R>, rows, cols, depth, a, b,
         mode == GradMode::kAccumulate, c);
}

// Whether the rows of a matrix with `in` columns can be read a pack at a time, given that its first one can.
template <typename T>
bool rows_pack(int64_t in) {
  return in % kPack<T> == 0;
}

}  // namespace

void linear_direct_forward(const Context& ctx, const Tensor& x, const Tensor& w, const Tensor& y) {
  const int64_t n = x.shape[0], in = x.shape[1], out = w.shape[0];
  visit_activation_type(x.dtype, [&]<typename V>(V) {
    using T = DeviceType<V>;
    const T *const xs = data_of<V>(x), *const ws = data_of<V>(w);
    if (out > kFewOutputs)
      return run_any<T, T>("linear_forward", ctx, n, out, in, {xs, in, 1}, {ws, 1, in}, GradMode::kOverwrite,
                           data_of<V>(y));
    const auto kernel = rows_pack<T>(in) && can_pack<kPack<T>>(xs, ws) ? linear_few_forward_kernel<true, T>
                                                                       : linear_few_forward_kernel<false, T>;
    launch("linear_forward", ctx.stream(), dim3(static_cast<unsigned>(n), static_cast<unsigned>(out)),
           dim3(kBlockThreads), 0, kernel, in, out, xs, ws, data_of<V>(y));
  });
}

void linear_direct_backward_data(const Context& ctx, const Tensor& dy, const Tensor& w, const Tensor& dx) {
  const int64_t n = dx.shape[0], in = dx.shape[1], out = w.shape[0];
  visit_activation_type(dx.dtype, [&]<typename V>(V) {
    using T = DeviceType<V>;
    const T *const dys = data_of<V>(dy), *const ws = data_of<V>(w);
    T* const dxs = data_of<V>(dx);
    if (out > kFewOutputs)
      return run_any<T, T>("linear_backward_data", ctx, n, in, out, {dys, out, 1}, {ws, in, 1},
                           GradMode::kOverwrite, dxs);
    const auto kernel = rows_pack<T>(in) && can_pack<kPack<T>>(ws, static_cast<const T*>(dxs))
                            ? linear_few_backward_data_kernel<true, T>
                            : linear_few_backward_data_kernel<false, T>;
    launch_1d("linear_backward_data", ctx.stream(), n * ((in + kPack<T> - 1) / kPack<T>), kernel, n, in, out,
              dys, ws, dxs);
  });
}

void linear_direct_backward_weight(const Context& ctx, const Tensor& x, const Tensor& dy, const Tensor& dw,
                                   GradMode mode) {
  const int64_t n = x.shape[0], in = x.shape[1], out = dw.shape[0];
  visit_activation_type(x.dtype, [&]<typename V>(V) {
    using T = DeviceType<V>;
    const T *const xs = data_of<V>(x), *const dys = data_of<V>(dy);
    auto* const dws = static_cast<Compute<T>*>(dw.data);
    if (out > kFewOutputs)
      return run_any<T, Compute<T>>("linear_backward_weight", ctx, out, in, n, {dys, 1, out}, {xs, in, 1},
                                    mode, dws);
    const auto kernel = rows_pack<T>(in) && can_pack<kPack<T>>(xs)
                            ? linear_few_backward_weight_kernel<true, T>
                            : linear_few_backward_weight_kernel<false, T>;
    const dim3 grid(static_cast<unsigned>((in + kFeatures * kPack<T> - 1) / (kFeatures * kPack<T>)),
                    static_cast<unsigned>(out));
    launch("linear_backward_weight", ctx.stream(), grid, dim3(kBlockThreads), 0, kernel, n, in, out, xs, dys,
           mode == GradMode::kAccumulate, dws);
  });
}

}  // namespace inpaint::cuda
