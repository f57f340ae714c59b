// batch_norm on CUDA; contract in batch_norm.h. Memory-bound: statistics read x once, forward reads x and
// writes y, backward reads x and dy twice and writes dx.
//
// Sums are taken in the type that is computed in over the few rows of a group, and in double over the groups:
// double arithmetic per value would be slower than the memory for bf16, and on GPUs other than a data
// centre's for all types.
#include "kernels/channel/batch_norm.h"
#include "kernels/cuda/activation_cuda.h"
#include "kernels/cuda/channel_moments_cuda.h"

namespace inpaint::cuda {
namespace {

// Two sums per channel of each row block, and behind them two coefficients per channel, [2, C], in the type
// of the channels.
struct Workspace {
  RowBlockSums sums;
  void* coefficients;

  Workspace(const Context& ctx, const Shape& x)
      : sums(ctx, x, ctx.workspace(bytes(ctx, x))),
        coefficients(sums.partial + 2 * max_row_blocks(x) * x.back()) {}

  static int64_t bytes(const Context& ctx, const Shape& x) {
    return RowBlockSums::bytes(ctx, x, 2) + 2 * x.back() * size_of(DType::kF64);
  }
};

// Mean and variance.
// sm_90: at most 128 registers, 128-bit loads
template <int V, typename T>
__global__ void __launch_bounds__(kBlockThreads, 2)
    statistics_kernel(ChannelBlocks b, const T* __restrict__ x, RowBlockSums blocks,
                      Compute<T>* __restrict__ mean, Compute<T>* __restrict__ variance) {
  sum_moments<V>(b, x, blocks, [&](int64_t channel, double middle, double m2) {
    mean[channel] = static_cast<Compute<T>>(middle);
    variance[channel] = static_cast<Compute<T>>(m2 / static_cast<double>(b.rows));
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

// The affine map z = (x - mean) scale + beta of a thread's channels. Forward and backward share it, operation
// by operation, so that both see the same side of an activation's kink.
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

template <typename P>
struct ChannelGradients {
  P *dgamma, *dbeta;  // either may be null
  bool accumulate;

  __device__ void write(P* gradient, int64_t channel, double value) const {
    if (gradient == nullptr) return;
    gradient[channel] = static_cast<P>(accumulate ? static_cast<double>(gradient[channel]) + value : value);
  }
};

// Sums dz and dz (x - mean) over the rows; writes the channels' gradients, and the coefficients sum dz / M
// and sum(dz (x - mean)) / (M (variance + epsilon)), or, where `plain` is not null, the two sums.
// sm_90: at most 128 registers, 128-bit loads
template <int V, typename T>
__global__ void __launch_bounds__(kBlockThreads, 2)
    gradient_sums_kernel(ChannelBlocks b, Normalisation<Compute<T>> norm, Compute<T> slope,
                         const T* __restrict__ x, const T* __restrict__ dy, RowBlockSums blocks,
                         ChannelGradients<Compute<T>> gradients, Compute<T>* __restrict__ coefficients,
                         double* __restrict__ plain) {
  using C = Compute<T>;
  const ChannelAffine<V, C> affine(norm, b);
  double sums[2][V] = {};
  for_each_row_group<V>(b, [&](auto group, int64_t at, int64_t stride) {
    Pack<T, V> values[group()], dys[group()];
    load_rows(values, x, at, stride);
    load_rows(dys, dy, at, stride);
#pragma unroll
    for (int k = 0; k < V; ++k) {
      C sum = 0, moment = 0;
#pragma unroll
      for (int r = 0; r < group(); ++r) {
        const C value = value_of(values[r][k]);
        const C dz = kinked_gradient(affine.z(k, value), slope, value_of(dys[r][k]));
        sum += dz;
        moment = fma(dz, value - affine.mean[k], moment);
      }
      sums[0][k] += sum;
      sums[1][k] += moment;
    }
  });
  sum_lanes(b.channels, b.columns, sums, [&](int64_t channel, unsigned, const double(&totals)[2]) {
    double* const sum = blocks.of(blockIdx.y, 2, b.channels);
    sum[channel] = totals[0];
    sum[b.channels + channel] = totals[1];
  });
  merge_row_blocks<2, V>(
      b, blocks,
      [&](unsigned block, int64_t channel, double(&mine)[2][1]) {
        const double* const sum = blocks.of(block, 2, b.channels);
        mine[0][0] += sum[channel];
        mine[1][0] += sum[b.channels + channel];
      },
      [&](int64_t channel, unsigned, const double(&totals)[2]) {
        const double n = static_cast<double>(b.rows);
        const double inverse = inverse_deviation<double>(norm.variance[channel], norm.epsilon);
        gradients.write(gradients.dbeta, channel, totals[0]);
        gradients.write(gradients.dgamma, channel, totals[1] * inverse);
        if (plain != nullptr) {
          plain[channel] = totals[0];
          plain[b.channels + channel] = totals[1];
          return;
        }
        coefficients[channel] = static_cast<C>(totals[0] / n);
        coefficients[b.channels + channel] = static_cast<C>(totals[1] * inverse * inverse / n);
      });
}

// The coefficients of sums that were made before; share = 1 / M.
template <typename P>
__global__ void __launch_bounds__(kBlockThreads)
    coefficients_kernel(int64_t channels, const double* __restrict__ sums, double share,
                        const P* __restrict__ variance, P epsilon, P* __restrict__ coefficients) {
  for (int64_t c = global_thread(); c < channels; c += grid_threads()) {
    const double spread = static_cast<double>(variance[c]) + static_cast<double>(epsilon);
    coefficients[c] = static_cast<P>(sums[c] * share);
    coefficients[channels + c] = static_cast<P>(sums[channels + c] * share / spread);
  }
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

// The updates of a launch, an argument of the kernel: CUDA takes 4 KiB of them.
template <typename P>
struct RunningUpdates {
  static constexpr size_t kMost = 32;
  struct Update {
    int64_t channels;
    const P *mean, *variance, *bias;  // bias may be null
    P keep, take;
    P *running_mean, *running_variance;
  } list[kMost];
};

// The blocks' x goes over channels, their y over updates.
template <typename P>
__global__ void __launch_bounds__(kBlockThreads) update_running_kernel(RunningUpdates<P> updates) {
  const auto& u = updates.list[blockIdx.y];
  for (int64_t c = global_thread(); c < u.channels; c += grid_threads()) {
    const P shown = u.bias == nullptr ? u.mean[c] : u.mean[c] + u.bias[c];
    u.running_mean[c] = u.keep * u.running_mean[c] + u.take * shown;
    u.running_variance[c] = u.keep * u.running_variance[c] + u.take * u.variance[c];
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
        const ChannelBlocks b(shape, V, Cut::kMap);
        launch(op, ctx.stream(), b.grid(), b.block(), 0, normalise_kernel<V, D>, b, norm, negative_slope(act),
               x, y);
      },
      x, y);
}

}  // namespace

int64_t batch_norm_workspace_bytes(const Context& ctx, const Shape& x) { return Workspace::bytes(ctx, x); }

void batch_norm_statistics(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance) {
  const Workspace workspace(ctx, x.shape);
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    using P = Compute<D>;
    const D* const xs = data_of<T>(x);
    visit_vector<D>(
        x.shape.back(),
        [&]<int V>(std::integral_constant<int, V>) {
          const ChannelBlocks b(x.shape, V, Cut::kSums);
          launch("batch_norm_statistics", ctx.stream(), b.grid(), b.block(), 0, statistics_kernel<V, D>, b,
                 xs, workspace.sums, mean.as<P>(), variance.as<P>());
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

void batch_norm_update_running(const Context& ctx, std::span<const RunningUpdate> updates) {
  visit_real(updates.front().mean.dtype, [&]<typename P>(P) {
    constexpr size_t kMost = RunningUpdates<P>::kMost;
    for (; !updates.empty(); updates = updates.subspan(std::min(updates.size(), kMost))) {
      RunningUpdates<P> batch = {};
      unsigned count = 0;
      int64_t channels = 0;
      for (const RunningUpdate& u : updates.first(std::min(updates.size(), kMost))) {
        batch.list[count++] = {u.mean.elements(),       u.mean.as<P>(),
                               u.variance.as<P>(),      u.bias.data == nullptr ? nullptr : u.bias.as<P>(),
                               static_cast<P>(u.decay), static_cast<P>(1 - u.decay),
                               u.running_mean.as<P>(),  u.running_variance.as<P>()};
        channels = std::max(channels, u.mean.elements());
      }
      launch("batch_norm_update_running", ctx.stream(),
             dim3(static_cast<unsigned>(blocks_1d(channels)), count), dim3(kBlockThreads), 0,
             update_running_kernel<P>, batch);
    }
  });
}

namespace {

template <typename D>
void sum_gradients(const Context& ctx, const Shape& shape, const Workspace& workspace, const D* x,
                   const D* dy, const Normalisation<Compute<D>>& norm, Activation act,
                   const BatchNormGrads& grads, double* plain) {
  using P = Compute<D>;
  const ChannelGradients<P> gradients = {grads.dgamma == nullptr ? nullptr : grads.dgamma->as<P>(),
                                         grads.dbeta == nullptr ? nullptr : grads.dbeta->as<P>(),
                                         grads.mode == GradMode::kAccumulate};
  visit_vector<D>(
      shape.back(),
      [&]<int V>(std::integral_constant<int, V>) {
        const ChannelBlocks sum(shape, V, Cut::kSums);
        launch("batch_norm_backward, sums", ctx.stream(), sum.grid(), sum.block(), 0,
               gradient_sums_kernel<V, D>, sum, norm, negative_slope(act), x, dy, workspace.sums, gradients,
               static_cast<P*>(workspace.coefficients), plain);
      },
      x, dy);
}

template <typename D>
void write_data_gradient(const Context& ctx, const Shape& shape, const Workspace& workspace, const D* x,
                         const D* dy, const Normalisation<Compute<D>>& norm, Activation act, D* dx) {
  visit_vector<D>(
      shape.back(),
      [&]<int V>(std::integral_constant<int, V>) {
        const ChannelBlocks map(shape, V, Cut::kMap);
        launch("batch_norm_backward", ctx.stream(), map.grid(), map.block(), 0, data_gradient_kernel<V, D>,
               map, norm, negative_slope(act), static_cast<const Compute<D>*>(workspace.coefficients), x, dy,
               dx);
      },
      x, dy, dx);
}

}  // namespace

void batch_norm_backward(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                         const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                         const Tensor& dy, const Tensor& dx, const BatchNormGrads& grads) {
  const Workspace workspace(ctx, x.shape);
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    const D *const xs = data_of<T>(x), *const dys = data_of<T>(dy);
    const auto norm = normalisation<Compute<D>>(mean, variance, gamma, beta, nullptr, epsilon);
    sum_gradients<D>(ctx, x.shape, workspace, xs, dys, norm, act, grads, nullptr);
    write_data_gradient<D>(ctx, x.shape, workspace, xs, dys, norm, act, data_of<T>(dx));
  });
}

void batch_norm_gradient_sums(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                              const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                              const Tensor& dy, const Tensor& sums, const BatchNormGrads& grads) {
  const Workspace workspace(ctx, x.shape);
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    sum_gradients<D>(ctx, x.shape, workspace, data_of<T>(x), data_of<T>(dy),
                     normalisation<Compute<D>>(mean, variance, gamma, beta, nullptr, epsilon), act, grads,
                     sums.as<double>());
  });
}

void batch_norm_data_gradient(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                              const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                              const Tensor& dy, const Tensor& sums, int64_t rows, const Tensor& dx) {
  const Workspace workspace(ctx, x.shape);
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    using P = Compute<D>;
    const int64_t channels = x.shape.back();
    const auto norm = normalisation<P>(mean, variance, gamma, beta, nullptr, epsilon);
    launch("batch_norm_backward, coefficients", ctx.stream(),
           dim3(static_cast<unsigned>(blocks_1d(channels))), dim3(kBlockThreads), 0, coefficients_kernel<P>,
           channels, sums.as<double>(), 1 / static_cast<double>(rows), norm.variance, norm.epsilon,
           static_cast<P*>(workspace.coefficients));
    write_data_gradient<D>(ctx, x.shape, workspace, data_of<T>(x), data_of<T>(dy), norm, act, data_of<T>(dx));
  });
}

}  // namespace inpaint::cuda
