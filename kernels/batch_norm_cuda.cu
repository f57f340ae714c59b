// batch_norm on CUDA; contract in batch_norm.h. Memory-bound: statistics read x once, forward reads x and writes y,
// backward reads x and dy twice and writes dx.
//
// Sums are taken in the type that is computed in over the few rows of a group, and in double over the groups: double
// arithmetic per value would be slower than the memory for bf16, and on GPUs other than a data centre's for all types.
#include "kernels/activation_cuda.h"
#include "kernels/batch_norm.h"
#include "kernels/channel_blocks_cuda.h"

namespace inpaint::cuda {
namespace {

// Two partial sums per channel of each row block, [row block, 2, C], and behind them two coefficients per channel,
// [2, C], in the type of the channels.
struct Workspace {
  double* partial;
  void* coefficients;

  Workspace(const Context& ctx, const Shape& x)
      : partial(static_cast<double*>(ctx.workspace(bytes(x)))),
        coefficients(partial + 2 * max_row_blocks(x) * x.back()) {}

  static int64_t bytes(const Shape& x) {
    return (max_row_blocks(x) + 1) * 2 * x.back() * size_of(DType::kF64);
  }
};

__device__ double rows_of_block(const ChannelBlocks& b, int64_t row_block) {
  const int64_t left = b.rows - row_block * b.block_rows;
  return static_cast<double>(left < b.block_rows ? left : b.block_rows);
}

// Mean and squared deviations of this block's rows. A thread sums x - shift and its square, the shift being the mean of
// its first group of rows: one pass, in which cancellation costs at most a factor of the thread's groups.
// sm_90: at most 128 registers, 128-bit loads
template <int V, typename T>
__global__ void __launch_bounds__(kBlockThreads, 2)
    statistics_kernel(ChannelBlocks b, const T* __restrict__ x, double* __restrict__ partial) {
  using C = Compute<T>;
  __shared__ C base[ChannelBlocks::kMaxColumns * V];  // the shifts of the block's first lane
  C shift[V] = {};
  double sums[2][V] = {};
  int rows = 0;
  for_each_row_group<V>(b, [&](auto group, int64_t at, int64_t stride) {
    Pack<T, V> values[group()];
    load_rows(values, x, at, stride);
    if (rows == 0)
#pragma unroll
      for (int k = 0; k < V; ++k) {
#pragma unroll
        for (int r = 0; r < group(); ++r) shift[k] += value_of(values[r][k]);
        shift[k] *= C(1) / C(group());
      }
    rows += group();
#pragma unroll
    for (int k = 0; k < V; ++k) {
      C sum = 0, squares = 0;
#pragma unroll
      for (int r = 0; r < group(); ++r) {
        const C d = value_of(values[r][k]) - shift[k];
        sum += d;
        squares = fma(d, d, squares);
      }
      sums[0][k] += sum;
      sums[1][k] += squares;
    }
  });
  if (threadIdx.y == 0)
#pragma unroll
    for (int k = 0; k < V; ++k) base[threadIdx.x * V + k] = shift[k];
  __syncthreads();
#pragma unroll
  for (int k = 0; k < V; ++k) {
    const double off = static_cast<double>(shift[k]) - static_cast<double>(base[threadIdx.x * V + k]);
    sums[1][k] += off * (2 * sums[0][k] + rows * off);
    sums[0][k] += rows * off;
  }
  sum_lanes(b.channels, sums, [&](int64_t channel, unsigned place, const double(&totals)[2]) {
    const double n = rows_of_block(b, blockIdx.y), off = totals[0] / n;
    double* const mean = partial + 2 * blockIdx.y * b.channels;
    mean[channel] = static_cast<double>(base[place]) + off;
    mean[b.channels + channel] = fmax(totals[1] - totals[0] * off, 0.0);
  });
}

// Merges the row blocks' means and squared deviations; the sums are of deviations from the first block's mean.
template <typename P>
__global__ void __launch_bounds__(kBlockThreads)
    merge_moments_kernel(ChannelBlocks b, const double* __restrict__ partial, P* __restrict__ mean,
                         P* __restrict__ variance) {
  double sums[2][1] = {};
  const int64_t c = first_channel<1>();
  if (c < b.channels)
    for (unsigned block = threadIdx.y; block < b.row_blocks; block += blockDim.y) {
      const double* const means = partial + int64_t{2} * block * b.channels;
      const double n = rows_of_block(b, block), off = means[c] - partial[c];
      sums[0][0] += n * off;
      sums[1][0] += means[b.channels + c] + n * off * off;
    }
  sum_lanes(b.channels, sums, [&](int64_t channel, unsigned, const double(&totals)[2]) {
    const double n = static_cast<double>(b.rows), off = totals[0] / n;
    mean[channel] = static_cast<P>(partial[channel] + off);
    variance[channel] = static_cast<P>(fmax(totals[1] - totals[0] * off, 0.0) / n);
  });
}

template <typename P>
struct Normalisation {
  const P *mean, *variance, *gamma, *beta, *bias;  // bias may be null
  P epsilon;
};

template <typename P>
__device__ P inverse_deviation(P variance, P epsilon) {
  return 1 / sqrt(variance + epsilon);
}

// The affine map z = (x - mean) scale + beta of a thread's channels. Forward and backward share it, operation by
// operation, so that both see the same side of an activation's kink.
template <int V, typename P>
struct ChannelAffine {
  P mean[V], scale[V], beta[V];

  __device__ ChannelAffine(const Normalisation<P>& norm, const ChannelBlocks& b) {
    const int64_t channel = first_channel<V>();
    if (channel >= b.channels) return;
    load_channels(mean, norm.mean, channel);
    load_channels(beta, norm.beta, channel);
    load_channels(scale, norm.gamma, channel);
    P other[V];
    load_channels(other, norm.variance, channel);
#pragma unroll
    for (int k = 0; k < V; ++k) scale[k] *= inverse_deviation(other[k], norm.epsilon);
    if (norm.bias == nullptr) return;
    load_channels(other, norm.bias, channel);
#pragma unroll
    for (int k = 0; k < V; ++k) mean[k] -= other[k];
  }

  __device__ P z(int k, P x) const { return fma(x - mean[k], scale[k], beta[k]); }
};

// sm_90: at most 64 registers, 128-bit loads, 128-bit stores
template <int V, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    normalise_kernel(ChannelBlocks b, Normalisation<Compute<T>> norm, Compute<T> slope,
                     const T* __restrict__ x, T* __restrict__ y) {
  const ChannelAffine<V, Compute<T>> affine(norm, b);
  for_each_row_group<V>(b, [&](auto group, int64_t at, int64_t stride) {
    Pack<T, V> values[group()];
    load_rows(values, x, at, stride);
#pragma unroll
    for (int r = 0; r < group(); ++r) {
#pragma unroll
      for (int k = 0; k < V; ++k)
        values[r][k] = rounded_to<T>(kinked(affine.z(k, value_of(values[r][k])), slope));
      store_row(values[r], y, at + r * stride);
    }
  });
}

// Sums of dz and of dz (x - mean) over this block's rows.
// sm_90: at most 128 registers, 128-bit loads
template <int V, typename T>
__global__ void __launch_bounds__(kBlockThreads, 2)
    gradient_sums_kernel(ChannelBlocks b, Normalisation<Compute<T>> norm, Compute<T> slope,
                         const T* __restrict__ x, const T* __restrict__ dy, double* __restrict__ partial) {
  using C = Compute<T>;
  const ChannelAffine<V, C> affine(norm, b);
  double sums[2][V] = {};
  for_each_row_group<V>(b, [&](auto group, int64_t at, int64_t stride) {
    Pack<T, V> values[group()], gradients[group()];
    load_rows(values, x, at, stride);
    load_rows(gradients, dy, at, stride);
#pragma unroll
    for (int k = 0; k < V; ++k) {
      C sum = 0, moment = 0;
#pragma unroll
      for (int r = 0; r < group(); ++r) {
        const C value = value_of(values[r][k]);
        const C dz = kinked_gradient(affine.z(k, value), slope, value_of(gradients[r][k]));
        sum += dz;
        moment = fma(dz, value - affine.mean[k], moment);
      }
      sums[0][k] += sum;
      sums[1][k] += moment;
    }
  });
  sum_lanes(b.channels, sums, [&](int64_t channel, unsigned, const double(&totals)[2]) {
    double* const sum = partial + 2 * blockIdx.y * b.channels;
    sum[channel] = totals[0];
    sum[b.channels + channel] = totals[1];
  });
}

template <typename P>
struct ChannelGradients {
  P *dgamma, *dbeta;  // either may be null
  bool accumulate;

  __device__ void write(P* gradient, int64_t channel, double value) const {
    if (gradient == nullptr) return;
    gradient[channel] = static_cast<P>(accumulate ? static_cast<double>(gradient[channel]) + value : value);
  }
};

// Adds the row blocks' sums; writes the channels' gradients, and the coefficients sum dz / M and
// sum(dz (x - mean)) / (M (variance + epsilon)).
template <typename P>
__global__ void __launch_bounds__(kBlockThreads)
    merge_gradients_kernel(ChannelBlocks b, Normalisation<P> norm, const double* __restrict__ partial,
                           ChannelGradients<P> gradients, P* __restrict__ coefficients) {
  double sums[2][1] = {};
  const int64_t c = first_channel<1>();
  if (c < b.channels)
    for (unsigned block = threadIdx.y; block < b.row_blocks; block += blockDim.y) {
      const double* const sum = partial + int64_t{2} * block * b.channels;
      sums[0][0] += sum[c];
      sums[1][0] += sum[b.channels + c];
    }
  sum_lanes(b.channels, sums, [&](int64_t channel, unsigned, const double(&totals)[2]) {
    const double n = static_cast<double>(b.rows);
    const double inverse = inverse_deviation<double>(norm.variance[channel], norm.epsilon);
    gradients.write(gradients.dbeta, channel, totals[0]);
    gradients.write(gradients.dgamma, channel, totals[1] * inverse);
    coefficients[channel] = static_cast<P>(totals[0] / n);
    coefficients[b.channels + channel] = static_cast<P>(totals[1] * inverse * inverse / n);
  });
}

// dx = scale (dz - sum dz / M - (x - mean) sum(dz (x - mean)) / (M (variance + epsilon))). dx may be dy.
// sm_90: at most 128 registers, 128-bit loads, 128-bit stores
template <int V, typename T>
__global__ void __launch_bounds__(kBlockThreads, 2)
    data_gradient_kernel(ChannelBlocks b, Normalisation<Compute<T>> norm, Compute<T> slope,
                         const Compute<T>* __restrict__ coefficients, const T* __restrict__ x, const T* dy,
                         T* dx) {
  using C = Compute<T>;
  const ChannelAffine<V, C> affine(norm, b);
  C mean_dz[V], tilt[V];
  if (first_channel<V>() < b.channels) {
    load_channels(mean_dz, coefficients, first_channel<V>());
    load_channels(tilt, coefficients + b.channels, first_channel<V>());
  }
  for_each_row_group<V>(b, [&](auto group, int64_t at, int64_t stride) {
    Pack<T, V> values[group()], gradients[group()];
    load_rows(values, x, at, stride);
    load_rows(gradients, dy, at, stride);
#pragma unroll
    for (int r = 0; r < group(); ++r) {
#pragma unroll
      for (int k = 0; k < V; ++k) {
        const C value = value_of(values[r][k]);
        const C dz = kinked_gradient(affine.z(k, value), slope, value_of(gradients[r][k]));
        gradients[r][k] =
            rounded_to<T>(affine.scale[k] * (dz - mean_dz[k] - (value - affine.mean[k]) * tilt[k]));
      }
      store_row(gradients[r], dx, at + r * stride);
    }
  });
}

template <typename P>
__global__ void __launch_bounds__(kBlockThreads)
    update_running_kernel(int64_t channels, const P* __restrict__ mean, const P* __restrict__ variance,
                          const P* __restrict__ bias, P keep, P take, P* __restrict__ running_mean,
                          P* __restrict__ running_variance) {
  for (int64_t c = global_thread(); c < channels; c += grid_threads()) {
    const P shown = bias == nullptr ? mean[c] : mean[c] + bias[c];
    running_mean[c] = keep * running_mean[c] + take * shown;
    running_variance[c] = keep * running_variance[c] + take * variance[c];
  }
}

template <typename P>
Normalisation<P> normalisation(const Tensor& mean, const Tensor& variance, const Tensor& gamma,
                               const Tensor& beta, const Tensor* bias, double epsilon) {
  return {mean.as<P>(),
          variance.as<P>(),
          gamma.as<P>(),
          beta.as<P>(),
          bias == nullptr ? nullptr : bias->as<P>(),
          static_cast<P>(epsilon)};
}

template <typename D>
void normalise(const char* op, const Context& ctx, const Shape& shape, const D* x,
               const Normalisation<Compute<D>>& norm, Activation act, D* y) {
  visit_vector<D>(
      shape.back(),
      [&]<int V>(std::integral_constant<int, V>) {
        const ChannelBlocks b(shape, V, kMapBlocks);
        launch(op, ctx.stream(), b.grid(), b.block(), 0, normalise_kernel<V, D>, b, norm, negative_slope(act),
               x, y);
      },
      x, y);
}

}  // namespace

int64_t batch_norm_workspace_bytes(const Context&, const Shape& x) { return Workspace::bytes(x); }

void batch_norm_statistics(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance) {
  const Workspace workspace(ctx, x.shape);
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    using P = Compute<D>;
    const D* const xs = data_of<T>(x);
    visit_vector<D>(
        x.shape.back(),
        [&]<int V>(std::integral_constant<int, V>) {
          const ChannelBlocks b(x.shape, V, kSumBlocks);
          launch("batch_norm_statistics", ctx.stream(), b.grid(), b.block(), 0, statistics_kernel<V, D>, b,
                 xs, workspace.partial);
          launch("batch_norm_statistics, merge", ctx.stream(), merge_grid(b), merge_block(), 0,
                 merge_moments_kernel<P>, b, workspace.partial, mean.as<P>(), variance.as<P>());
        },
        xs);
  });
}

void batch_norm_forward(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                        const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                        const Tensor& y) {
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    normalise("batch_norm_forward", ctx, x.shape, data_of<T>(x),
              normalisation<Compute<DeviceType<T>>>(mean, variance, gamma, beta, nullptr, epsilon), act,
              data_of<T>(y));
  });
}

void batch_norm_inference(const Context& ctx, const Tensor& x, const Tensor* bias, const Tensor& running_mean,
                          const Tensor& running_variance, const Tensor& gamma, const Tensor& beta,
                          double epsilon, Activation act, const Tensor& y) {
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    normalise(
        "batch_norm_inference", ctx, x.shape, data_of<T>(x),
        normalisation<Compute<DeviceType<T>>>(running_mean, running_variance, gamma, beta, bias, epsilon),
        act, data_of<T>(y));
  });
}

void batch_norm_update_running(const Context& ctx, const Tensor& mean, const Tensor& variance,
                               const Tensor* bias, double decay, const Tensor& running_mean,
                               const Tensor& running_variance) {
  visit_real(mean.dtype, [&]<typename P>(P) {
    launch_1d("batch_norm_update_running", ctx.stream(), mean.elements(), update_running_kernel<P>,
              mean.elements(), mean.as<P>(), variance.as<P>(), bias == nullptr ? nullptr : bias->as<P>(),
              decay, 1 - decay, running_mean.as<P>(), running_variance.as<P>());
  });
}

void batch_norm_backward(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                         const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                         const Tensor& dy, const Tensor& dx, const BatchNormGrads& grads) {
  const Workspace workspace(ctx, x.shape);
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    using P = Compute<D>;
    const D *const xs = data_of<T>(x), *const dys = data_of<T>(dy);
    D* const dxs = data_of<T>(dx);
    const auto norm = normalisation<P>(mean, variance, gamma, beta, nullptr, epsilon);
    const ChannelGradients<P> gradients = {grads.dgamma == nullptr ? nullptr : grads.dgamma->as<P>(),
                                           grads.dbeta == nullptr ? nullptr : grads.dbeta->as<P>(),
                                           grads.mode == GradMode::kAccumulate};
    auto* const coefficients = static_cast<P*>(workspace.coefficients);
    visit_vector<D>(
        x.shape.back(),
        [&]<int V>(std::integral_constant<int, V>) {
          const ChannelBlocks sum(x.shape, V, kSumBlocks), map(x.shape, V, kMapBlocks);
          launch("batch_norm_backward, sums", ctx.stream(), sum.grid(), sum.block(), 0,
                 gradient_sums_kernel<V, D>, sum, norm, negative_slope(act), xs, dys, workspace.partial);
          launch("batch_norm_backward, merge", ctx.stream(), merge_grid(sum), merge_block(), 0,
                 merge_gradients_kernel<P>, sum, norm, workspace.partial, gradients, coefficients);
          launch("batch_norm_backward", ctx.stream(), map.grid(), map.block(), 0, data_gradient_kernel<V, D>,
                 map, norm, negative_slope(act), coefficients, xs, dys, dxs);
        },
        xs, dys, dxs);
  });
}

}  // namespace inpaint::cuda
