// group_norm on CUDA; contract in group_norm.h. Memory-bound: forward reads x twice and writes y, backward
// reads x, y and dy twice and writes dx.
//
// Each picture is an array [M, C] with row blocks of its own. The first launch sums by channel. The second
// one begins by adding up the channels of its groups, which are few numbers, and then maps the values.
#include "kernels/channel/group_norm.h"
#include "kernels/cuda/activation_cuda.h"
#include "kernels/cuda/block_sum_cuda.h"
#include "kernels/cuda/channel_moments_cuda.h"
#include "kernels/cuda/grad_mode_cuda.h"

namespace inpaint::cuda {
namespace {

// x [N, M, C] as N arrays [M, C].
struct Pictures {
  int64_t count, groups;
  Shape rows;

  Pictures(const Shape& x, int64_t group_count)
      : count(x[0]), groups(group_count), rows{x.elements() / x[0] / x.back(), x.back()} {}
};

// The sums of the row blocks, and behind them two numbers per channel of each picture, [N, 2, C].
struct Workspace {
  RowBlockSums sums;
  double* totals;

  Workspace(const Context& ctx, const Pictures& p)
      : sums(ctx, p.rows, ctx.workspace(bytes(ctx, p)), p.count),
        totals(sums.partial + p.count * max_row_blocks(p.rows, p.count) * 2 * p.rows.back()) {}

  static int64_t bytes(const Context& ctx, const Pictures& p) {
    return RowBlockSums::bytes(ctx, p.rows, 2, p.count) + p.count * 2 * p.rows.back() * size_of(DType::kF64);
  }
};

// The groups of a picture's channels, and the most of them that a block of a map sees: of one channel each.
struct Groups {
  int64_t count, channels;  // channels of one group

  __device__ int64_t of(int64_t channel) const { return channel / channels; }
};
template <int V>
inline constexpr int64_t kBlockGroups = kMapColumns* V;

// The first element of this block's picture.
__device__ int64_t picture_begin(const ChannelBlocks& b) { return blockIdx.z * b.rows * b.channels; }

template <int V>
__device__ int64_t first_group(const ChannelBlocks& b, const Groups& groups) {
  return groups.of(int64_t{blockIdx.x} * b.columns * V);
}

// Calls f(group, lane) for the groups of this block's channels, one warp for each. All threads of the block
// call this, once, and see afterwards what f wrote to shared memory.
template <int V, typename F>
__device__ void for_each_group(const ChannelBlocks& b, const Groups& groups, F&& f) {
  const int64_t wanted = (int64_t{blockIdx.x} + 1) * b.columns * V;
  const int64_t last = groups.of((wanted < b.channels ? wanted : b.channels) - 1);
  const unsigned thread = threadIdx.y * blockDim.x + threadIdx.x;
  for (int64_t g = first_group<V>(b, groups) + thread / 32; g <= last; g += kBlockThreads / 32)
    f(g, thread % 32);
  __syncthreads();
}

// The sum of f(channel) over the channels of a group, in every lane of the warp that calls this.
template <typename F>
__device__ double sum_of_group(const Groups& groups, int64_t group, unsigned lane, F&& f) {
  double sum = 0;
  const int64_t begin = group * groups.channels;
  for (int64_t c = begin + lane; c < begin + groups.channels; c += 32) sum += f(c);
  return warp_sum(sum);
}

// The means and squared deviations of the channels of each picture, into totals.
// sm_90: at most 128 registers, 128-bit loads
template <int V, typename T>
__global__ void __launch_bounds__(kBlockThreads, 2)
    moments_kernel(ChannelBlocks b, const T* __restrict__ x, RowBlockSums sums, double* __restrict__ totals) {
  double* const means = totals + blockIdx.z * 2 * b.channels;
  sum_moments<V>(b, x + picture_begin(b), sums.of_array(b, 2), [&](int64_t channel, double mean, double m2) {
    means[channel] = mean;
    means[b.channels + channel] = m2;
  });
}

template <typename P>
struct Statistics {
  P *mean, *rstd;  // [N, G]
};

// y = act((x - mean) scale + beta + addend). The first row block of a picture writes
// the statistics, each of them in the block that has the group's first channel.
// y may be x or the addend.
// sm_90: at most 80 registers, 128-bit loads, 128-bit stores
template <int V, bool kAdds, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    normalise_kernel(ChannelBlocks b, Groups groups, double epsilon, const double* __restrict__ totals,
                     const Compute<T>* __restrict__ gamma, const Compute<T>* __restrict__ beta,
                     Compute<T> negative, const T* x, const T* addend, T* y,
                     Statistics<Compute<T>> statistics) {
  using C = Compute<T>;
  __shared__ C means[kBlockGroups<V>], rstds[kBlockGroups<V>];
  const int64_t first = first_group<V>(b, groups);
  const double *const channel_means = totals + blockIdx.z * 2 * b.channels, *const m2 =
                                                                                channel_means + b.channels;
  for_each_group<V>(b, groups, [&](int64_t g, unsigned lane) {
    const double n = static_cast<double>(groups.channels), rows = static_cast<double>(b.rows);
    const double mean = sum_of_group(groups, g, lane, [&](int64_t c) { return channel_means[c]; }) / n;
    const double squares = sum_of_group(groups, g, lane, [&](int64_t c) {
      return m2[c] + rows * (channel_means[c] - mean) * (channel_means[c] - mean);
    });
    if (lane != 0) return;
    means[g - first] = static_cast<C>(mean);
    rstds[g - first] = static_cast<C>(1 / sqrt(squares / (rows * n) + epsilon));
    const bool begins_here = g * groups.channels >= int64_t{blockIdx.x} * b.columns * V;
    if (blockIdx.y != 0 || !begins_here) return;
    statistics.mean[blockIdx.z * groups.count + g] = means[g - first];
    statistics.rstd[blockIdx.z * groups.count + g] = rstds[g - first];
  });
  const int64_t channel = first_channel<V>();
  if (channel >= b.channels) return;
  C mean[V], scale[V], shift[V];
  load_channels(scale, gamma, channel);
  load_channels(shift, beta, channel);
#pragma unroll
  for (int k = 0; k < V; ++k) {
    const int64_t g = groups.of(channel + k) - first;
    mean[k] = means[g];
    scale[k] *= rstds[g];
  }
  const int64_t picture = picture_begin(b);
  for_each_row_group<V, kAdds ? kRowGroup / 2 : kRowGroup>(b, [&](auto group, int64_t at, int64_t stride) {
    Pack<T, V> values[group()];
    [[maybe_unused]] Pack<T, V> more[group()];
    load_rows(values, x + picture, at, stride);
    if constexpr (kAdds) load_rows(more, addend + picture, at, stride);
#pragma unroll
    for (int r = 0; r < group(); ++r) {
#pragma unroll
      for (int k = 0; k < V; ++k) {
        C z = fma(value_of(values[r][k]) - mean[k], scale[k], shift[k]);
        if constexpr (kAdds) z += value_of(more[r][k]);
        values[r][k] = rounded_to<T>(kinked(z, negative));
      }
      store_row(values[r], y + picture, at + r * stride);
    }
  });
}

// What backward reads. y is null where there is no activation.
template <typename T>
struct Upstream {
  const T *x, *y, *dy;
  const Compute<T>*mean, *rstd, *gamma;
  Compute<T> negative;  // the activation's slope on the negative side

  // Turns a row group of dy into dz, in the type of arithmetic: calls f(row, k, x, dz).
  template <int V, int kRows, typename F>
  __device__ void for_each(Pack<T, V> (&xs)[kRows], Pack<T, V> (&dys)[kRows], int64_t at, int64_t stride,
                           F&& f) const {
    Pack<T, V> ys[kRows] = {};
    load_rows(xs, x, at, stride);
    load_rows(dys, dy, at, stride);
    if (y != nullptr) load_rows(ys, y, at, stride);
#pragma unroll
    for (int r = 0; r < kRows; ++r)
#pragma unroll
      for (int k = 0; k < V; ++k)
        f(r, k, value_of(xs[r][k]), kinked_gradient(value_of(ys[r][k]), negative, value_of(dys[r][k])));
  }
};

// Sums of dz and of dz (x - mean) by channel of each picture, into totals.
// sm_90: at most 128 registers, 128-bit loads
template <int V, typename T>
__global__ void __launch_bounds__(kBlockThreads, 2)
    gradient_sums_kernel(ChannelBlocks b, Groups groups, Upstream<T> upstream, RowBlockSums all_sums,
                         double* __restrict__ totals) {
  using C = Compute<T>;
  const RowBlockSums blocks = all_sums.of_array(b, 2);
  const int64_t channel = first_channel<V>(), picture = picture_begin(b);
  C mean[V] = {};
#pragma unroll
  for (int k = 0; k < V; ++k)
    if (channel + k < b.channels) mean[k] = upstream.mean[blockIdx.z * groups.count + groups.of(channel + k)];
  double sums[2][V] = {};
  // Packs of eight channels leave registers for half as many rows.
  for_each_row_group<V, V == 8 ? kRowGroup / 2 : kRowGroup>(b, [&](auto group, int64_t at, int64_t stride) {
    Pack<T, V> xs[group()], dys[group()];
    C sum[V] = {}, moment[V] = {};
    upstream.for_each(xs, dys, picture + at, stride, [&](int, int k, C x, C dz) {
      sum[k] += dz;
      moment[k] = fma(dz, x - mean[k], moment[k]);
    });
#pragma unroll
    for (int k = 0; k < V; ++k) {
      sums[0][k] += sum[k];
      sums[1][k] += moment[k];
    }
  });
  sum_lanes(b.channels, b.columns, sums, [&](int64_t c, unsigned, const double(&total)[2]) {
    double* const sum = blocks.of(blockIdx.y, 2, b.channels);
    sum[c] = total[0];
    sum[b.channels + c] = total[1];
  });
  double* const sum_of_picture = totals + blockIdx.z * 2 * b.channels;
  merge_row_blocks<2, V>(
      b, blocks,
      [&](unsigned block, int64_t c, double(&mine)[2][1]) {
        const double* const sum = blocks.of(block, 2, b.channels);
        mine[0][0] += sum[c];
        mine[1][0] += sum[b.channels + c];
      },
      [&](int64_t c, unsigned, const double(&total)[2]) {
        sum_of_picture[c] = total[0];
        sum_of_picture[b.channels + c] = total[1];
      });
}

template <typename P>
struct ParameterGradients {
  P *dgamma, *dbeta;  // either may be null
  bool accumulate;

  __device__ void write(P* gradient, int64_t channel, double value) const {
    if (gradient == nullptr) return;
    gradient[channel] = static_cast<P>(accumulate ? static_cast<double>(gradient[channel]) + value : value);
  }

  // Adds up the pictures' sums in order, for the channels of this block.
  template <int V>
  __device__ void write_block(const ChannelBlocks& b, const Groups& groups, const double* totals,
                              const P* rstd) const {
    const unsigned thread = threadIdx.y * blockDim.x + threadIdx.x;
    const int64_t channel = int64_t{blockIdx.x} * b.columns * V + thread;
    if (thread >= b.columns * V || channel >= b.channels) return;
    double sum = 0, moment = 0;
#pragma unroll 8
    for (int64_t n = 0; n < b.arrays; ++n) {
      sum += totals[n * 2 * b.channels + channel];
      moment += totals[(n * 2 + 1) * b.channels + channel] *
                static_cast<double>(rstd[n * groups.count + groups.of(channel)]);
    }
    write(dbeta, channel, sum);
    write(dgamma, channel, moment);
  }
};

// dx = scale dz - offset - (x - mean) slope, with offset = rstd mean_g(h) and slope = rstd^2 mean_g(h xhat).
// The first row block of the first picture writes the parameters' gradients. dx or daddend may be dy.
// sm_90: at most 128 registers, 128-bit loads, 128-bit stores
template <int V, Write W, typename T>
__global__ void __launch_bounds__(kBlockThreads, 2)
    data_gradient_kernel(ChannelBlocks b, Groups groups, Upstream<T> upstream,
                         const double* __restrict__ totals, ParameterGradients<Compute<T>> parameters, T* dx,
                         T* daddend) {
  using C = Compute<T>;
  __shared__ C offsets[kBlockGroups<V>], slopes[kBlockGroups<V>];
  if (blockIdx.y == 0 && blockIdx.z == 0)
    parameters.template write_block<V>(b, groups, totals, upstream.rstd);
  const int64_t first = first_group<V>(b, groups);
  const double *const sum = totals + blockIdx.z * 2 * b.channels, *const moment = sum + b.channels;
  const C* const rstds = upstream.rstd + blockIdx.z * groups.count;
  for_each_group<V>(b, groups, [&](int64_t g, unsigned lane) {
    const auto of_gamma = [&](const double* values) {
      return sum_of_group(groups, g, lane,
                          [&](int64_t c) { return static_cast<double>(upstream.gamma[c]) * values[c]; });
    };
    const double h = of_gamma(sum), h_moment = of_gamma(moment), rstd = static_cast<double>(rstds[g]);
    const double n = static_cast<double>(groups.channels * b.rows);
    if (lane != 0) return;
    offsets[g - first] = static_cast<C>(rstd * h / n);
    slopes[g - first] = static_cast<C>(rstd * rstd * rstd * h_moment / n);
  });
  const int64_t channel = first_channel<V>(), picture = picture_begin(b);
  if (channel >= b.channels) return;
  C mean[V], scale[V], offset[V], slope[V];
  load_channels(scale, upstream.gamma, channel);
#pragma unroll
  for (int k = 0; k < V; ++k) {
    const int64_t g = groups.of(channel + k);
    mean[k] = upstream.mean[blockIdx.z * groups.count + g];
    scale[k] *= rstds[g];
    offset[k] = offsets[g - first];
    slope[k] = slopes[g - first];
  }
  for_each_row_group<V, kRowGroup / 2>(b, [&](auto group, int64_t at, int64_t stride) {
    Pack<T, V> xs[group()], dys[group()];
    C dzs[group()][V];
    upstream.for_each(xs, dys, picture + at, stride, [&](int r, int k, C x, C dz) {
      dzs[r][k] = dz;
      dys[r][k] = rounded_to<T>(scale[k] * dz - offset[k] - (x - mean[k]) * slope[k]);
    });
#pragma unroll
    for (int r = 0; r < group(); ++r) {
      store_row(dys[r], dx + picture, at + r * stride);
      write_gradient<W, V != 1>(dzs[r], daddend, picture + at + r * stride, picture + at + r * stride + V);
    }
  });
}

// The arrays of a call's tensors. Empty ones are null.
template <typename T>
DeviceType<T>* array_of(const Tensor& tensor) {
  return tensor.data == nullptr ? nullptr : data_of<T>(tensor);
}
template <typename P>
P* parameters_of(const Tensor& tensor) {
  return tensor.data == nullptr ? nullptr : tensor.as<P>();
}

template <typename T>
void forward(const Context& ctx, const Pictures& p, const GroupNormOptions& norm,
             const GroupNormForward& tensors) {
  using D = DeviceType<T>;
  using P = Compute<D>;
  const Workspace workspace(ctx, p);
  const int64_t channels = p.rows.back();
  const Groups groups = {p.groups, channels / p.groups};
  const D *const x = data_of<T>(tensors.x), *const addend = array_of<T>(tensors.addend);
  D* const y = data_of<T>(tensors.y);
  visit_vector<D>(
      channels,
      [&]<int V>(std::integral_constant<int, V>) {
        const ChannelBlocks sum(p.rows, V, Cut::kSums, p.count), map(p.rows, V, Cut::kMap, p.count);
        launch("group_norm_forward, moments", ctx.stream(), sum.grid(), sum.block(), 0, moments_kernel<V, D>,
               sum, x, workspace.sums, workspace.totals);
        const auto kernel = addend == nullptr ? normalise_kernel<V, false, D> : normalise_kernel<V, true, D>;
        launch("group_norm_forward", ctx.stream(), map.grid(), map.block(), 0, kernel, map, groups,
               norm.epsilon, workspace.totals, tensors.gamma.as<P>(), tensors.beta.as<P>(),
               negative_slope(norm.act), x, addend, y,
               Statistics<P>{tensors.mean.as<P>(), tensors.rstd.as<P>()});
      },
      x, addend, y);
}

template <typename T>
void backward(const Context& ctx, const Pictures& p, const GroupNormOptions& norm,
              const GroupNormBackward& tensors) {
  using D = DeviceType<T>;
  using P = Compute<D>;
  const Workspace workspace(ctx, p);
  const int64_t channels = p.rows.back();
  const Groups groups = {p.groups, channels / p.groups};
  const Upstream<D> upstream = {data_of<T>(tensors.x),
                                norm.act == Activation::kNone ? nullptr : data_of<T>(tensors.y),
                                data_of<T>(tensors.dy),
                                tensors.mean.as<P>(),
                                tensors.rstd.as<P>(),
                                tensors.gamma.as<P>(),
                                static_cast<P>(negative_slope(norm.act))};
  const ParameterGradients<P> parameters = {parameters_of<P>(tensors.dgamma), parameters_of<P>(tensors.dbeta),
                                            tensors.parameter_mode == GradMode::kAccumulate};
  D *const dx = data_of<T>(tensors.dx), *const daddend = array_of<T>(tensors.daddend);
  visit_write(daddend != nullptr, tensors.addend_mode, [&]<Write W>(std::integral_constant<Write, W>) {
    visit_vector<D>(
        channels,
        [&]<int V>(std::integral_constant<int, V>) {
          const ChannelBlocks sum(p.rows, V, Cut::kSums, p.count), map(p.rows, V, Cut::kMap, p.count);
          launch("group_norm_backward, sums", ctx.stream(), sum.grid(), sum.block(), 0,
                 gradient_sums_kernel<V, D>, sum, groups, upstream, workspace.sums, workspace.totals);
          launch("group_norm_backward", ctx.stream(), map.grid(), map.block(), 0,
                 data_gradient_kernel<V, W, D>, map, groups, upstream, workspace.totals, parameters, dx,
                 daddend);
        },
        upstream.x, upstream.y, upstream.dy, dx, daddend);
  });
}

}  // namespace

int64_t group_norm_workspace_bytes(const Context& ctx, const Shape& x, int64_t groups) {
  return Workspace::bytes(ctx, Pictures(x, groups));
}

void group_norm_forward(const Context& ctx, const GroupNormOptions& norm, const GroupNormForward& tensors) {
  visit_activation_type(tensors.x.dtype, [&]<typename T>(T) {
    forward<T>(ctx, {tensors.x.shape, norm.groups}, norm, tensors);
  });
}

void group_norm_backward(const Context& ctx, const GroupNormOptions& norm, const GroupNormBackward& tensors) {
  visit_activation_type(tensors.x.dtype, [&]<typename T>(T) {
    backward<T>(ctx, {tensors.x.shape, norm.groups}, norm, tensors);
  });
}

}  // namespace inpaint::cuda
