// bias_activation on CUDA; contract in bias_activation.h. Memory-bound: forward reads x and writes y,
// backward reads y and dy and writes dx, the sums of dbias being taken on the way: in the type that is
// computed in over the few rows of a group, in double over the groups.
#include "kernels/channel/bias_activation.h"
#include "kernels/cuda/activation_cuda.h"
#include "kernels/cuda/channel_blocks_cuda.h"

namespace inpaint::cuda {
namespace {

template <bool kTanh, typename T>
__device__ T activate(T z, T slope) {
  if constexpr (kTanh)
    return tanh(z);
  else
    return kinked(z, slope);
}

template <bool kTanh, typename T>
__device__ T activation_gradient(T y, T slope, T dy) {
  if constexpr (kTanh)
    return dy * (1 - y * y);
  else
    return kinked_gradient(y, slope, dy);
}

// With kAdds the addend is added too; else it is null. y may be x or the addend.
// sm_90: at most 64 registers, 128-bit loads, 128-bit stores
template <int V, bool kTanh, bool kAdds, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    forward_kernel(ChannelBlocks b, const Compute<T>* __restrict__ bias, Compute<T> slope, const T* x,
                   const T* addend, T* y) {
  Compute<T> shift[V];
  if (first_channel<V>() < b.channels) load_channels(shift, bias, first_channel<V>());
  for_each_row_group<V, kAdds ? kRowGroup / 2 : kRowGroup>(b, [&](auto group, int64_t at, int64_t stride) {
    Pack<T, V> values[group()];
    [[maybe_unused]] Pack<T, V> more[group()];
    load_rows(values, x, at, stride);
    if constexpr (kAdds) load_rows(more, addend, at, stride);
#pragma unroll
    for (int r = 0; r < group(); ++r) {
#pragma unroll
      for (int k = 0; k < V; ++k) {
        Compute<T> z = value_of(values[r][k]) + shift[k];
        if constexpr (kAdds) z += value_of(more[r][k]);
        values[r][k] = rounded_to<T>(activate<kTanh>(z, slope));
      }
      store_row(values[r], y, at + r * stride);
    }
  });
}

template <typename P>
struct BiasGradient {
  P* dbias = nullptr;  // null: not wanted
  bool accumulate = false;
  RowBlockSums sums;
};

// dx may be dy.
// sm_90: at most 112 registers, 128-bit loads, 128-bit stores
template <int V, bool kTanh, typename T>
__global__ void __launch_bounds__(kBlockThreads, 2)
    backward_kernel(ChannelBlocks b, Compute<T> slope, const T* __restrict__ y, const T* dy, T* dx,
                    BiasGradient<Compute<T>> gradient) {
  using C = Compute<T>;
  double sums[1][V] = {};
  for_each_row_group<V>(b, [&](auto group, int64_t at, int64_t stride) {
    Pack<T, V> outputs[group()], gradients[group()];
    load_rows(outputs, y, at, stride);
    load_rows(gradients, dy, at, stride);
    C sum[V] = {};
#pragma unroll
    for (int r = 0; r < group(); ++r) {
#pragma unroll
      for (int k = 0; k < V; ++k) {
        const C dz = activation_gradient<kTanh>(value_of(outputs[r][k]), slope, value_of(gradients[r][k]));
        sum[k] += dz;
        gradients[r][k] = rounded_to<T>(dz);
      }
      store_row(gradients[r], dx, at + r * stride);
    }
#pragma unroll
    for (int k = 0; k < V; ++k) sums[0][k] += sum[k];
  });
  C* const dbias = gradient.dbias;
  if (dbias == nullptr) return;
  const RowBlockSums& blocks = gradient.sums;
  sum_lanes(b.channels, b.columns, sums, [&](int64_t channel, unsigned, const double(&totals)[1]) {
    blocks.of(blockIdx.y, 1, b.channels)[channel] = totals[0];
  });
  merge_row_blocks<1, V>(
      b, blocks,
      [&](unsigned block, int64_t channel, double(&mine)[1][1]) {
        mine[0][0] += blocks.of(block, 1, b.channels)[channel];
      },
      [&](int64_t channel, unsigned, const double(&totals)[1]) {
        const double before = gradient.accumulate ? static_cast<double>(dbias[channel]) : 0;
        dbias[channel] = static_cast<C>(before + totals[0]);
      });
}

// Calls f with whether the activation is tanh as a constant, and with the slope of one that is not.
template <typename F>
void visit_tanh(Activation act, F&& f) {
  if (act == Activation::kTanh)
    f(std::true_type{}, 0.0);
  else
    f(std::false_type{}, negative_slope(act));
}

}  // namespace

void bias_activation_forward(const Context& ctx, const Tensor& x, const Tensor& bias, const Tensor* addend,
                             Activation act, const Tensor& y) {
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    const D *const xs = data_of<T>(x), *const more = addend == nullptr ? nullptr : data_of<T>(*addend);
    D* const ys = data_of<T>(y);
    visit_tanh(act, [&]<bool kTanh>(std::bool_constant<kTanh>, double slope) {
      visit_vector<D>(
          x.shape.back(),
          [&]<int V>(std::integral_constant<int, V>) {
            const ChannelBlocks b(x.shape, V, Cut::kMap);
            const auto kernel =
                more == nullptr ? forward_kernel<V, kTanh, false, D> : forward_kernel<V, kTanh, true, D>;
            launch("bias_activation_forward", ctx.stream(), b.grid(), b.block(), 0, kernel, b,
                   bias.as<Compute<D>>(), slope, xs, more, ys);
          },
          xs, more, ys);
    });
  });
}

int64_t bias_activation_workspace_bytes(const Context& ctx, const Shape& x, DType) {
  return RowBlockSums::bytes(ctx, x, 1);
}

void bias_activation_backward(const Context& ctx, const Tensor& y, const Tensor& dy, Activation act,
                              const Tensor& dx, const Tensor* dbias, GradMode mode) {
  visit_activation_type(y.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    using P = Compute<D>;
    const D *const ys = data_of<T>(y), *const dys = data_of<T>(dy);
    D* const dxs = data_of<T>(dx);
    BiasGradient<P> gradient;
    if (dbias != nullptr)
      gradient = {dbias->as<P>(),
                  mode == GradMode::kAccumulate,
                  {ctx, y.shape, ctx.workspace(RowBlockSums::bytes(ctx, y.shape, 1))}};
    visit_tanh(act, [&]<bool kTanh>(std::bool_constant<kTanh>, double slope) {
      visit_vector<D>(
          y.shape.back(),
          [&]<int V>(std::integral_constant<int, V>) {
            const ChannelBlocks b(y.shape, V, Cut::kSums);
            launch("bias_activation_backward", ctx.stream(), b.grid(), b.block(), 0,
                   backward_kernel<V, kTanh, D>, b, slope, ys, dys, dxs, gradient);
          },
          ys, dys, dxs);
    });
  });
}

}  // namespace inpaint::cuda
