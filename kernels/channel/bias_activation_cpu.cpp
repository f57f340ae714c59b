// bias_activation on the CPU; contract in bias_activation.h. Memory-bound, but for tanh.
#include "kernels/channel/bias_activation.h"
#include "kernels/cpu/activation_cpu.h"
#include "kernels/cpu/channel_tiles_cpu.h"
#include "kernels/cpu/grad_mode_cpu.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kLanes = ChannelTiles::kLanes;

// With kAdds the addend is added too; else it is null.
template <Activation A, bool kAdds, typename T>
void forward(const Context& ctx, const ChannelTiles& tiles, const T* x, const ArithmeticOf<T>* bias,
             const T* addend, T* y) {
  tiles.for_each_tile(ctx, [&](const ChannelTile& t) {
    alignas(64) ArithmeticOf<T> lane_bias[kLanes];
    t.spread(lane_bias, [&](int64_t c) { return bias[c]; });
    t.for_each_row([&](int64_t at, int64_t lanes) {
#pragma GCC ivdep
      for (int64_t l = 0; l < lanes; ++l) {
        ArithmeticOf<T> z = x[at + l] + lane_bias[l];
        if constexpr (kAdds) z += addend[at + l];
        y[at + l] = static_cast<T>(activate<A>(z));
      }
    });
  });
}

// With kSum also the tile's sums over rows, of the gradient before it is rounded to T.
template <Activation A, bool kSum, typename T>
void data_gradient(const ChannelTile& t, const T* y, const T* dy, T* dx, double* sum) {
  using F = ArithmeticOf<T>;
  t.for_each_row([&](int64_t at, int64_t lanes) {
#pragma GCC ivdep
    for (int64_t l = 0; l < lanes; ++l) {
      const F dz = activation_gradient<A>(F{y[at + l]}, F{dy[at + l]});
      dx[at + l] = static_cast<T>(dz);
      if constexpr (kSum) sum[l] += static_cast<double>(dz);
    }
  });
  if constexpr (kSum) t.fold(sum);
}

// partial [row block, C].
template <Store S, typename T>
void add_partials(const Context& ctx, const ChannelTiles& tiles, const double* partial, T* dbias) {
  tiles.for_each_chunk(ctx, [&](int64_t begin, int64_t end) {
    double sum[kLanes] = {};
    for (int64_t block = 0; block < tiles.row_blocks(); ++block)
      for (int64_t c = begin; c < end; ++c) sum[c - begin] += partial[block * tiles.channels() + c];
    for (int64_t c = begin; c < end; ++c) store<S>(dbias, c, static_cast<T>(sum[c - begin]));
  });
}

}  // namespace

void bias_activation_forward(const Context& ctx, const Tensor& x, const Tensor& bias, const Tensor* addend,
                             Activation act, const Tensor& y) {
  const ChannelTiles tiles(x.shape);
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    visit_activation(act, [&]<Activation A>(ActivationConstant<A>) {
      const auto* biases = bias.as<ArithmeticOf<T>>();
      if (addend == nullptr)
        forward<A, false, T>(ctx, tiles, x.as<T>(), biases, nullptr, y.as<T>());
      else
        forward<A, true>(ctx, tiles, x.as<T>(), biases, addend->as<T>(), y.as<T>());
    });
  });
}

int64_t bias_activation_workspace_bytes(const Context&, const Shape& x, DType) {
  const ChannelTiles tiles(x);
  return tiles.row_blocks() * tiles.channels() * size_of(DType::kF64);
}

void bias_activation_backward(const Context& ctx, const Tensor& y, const Tensor& dy, Activation act,
                              const Tensor& dx, const Tensor* dbias, GradMode mode) {
  const ChannelTiles tiles(y.shape);
  double* partial =
      static_cast<double*>(ctx.workspace(cpu::bias_activation_workspace_bytes(ctx, y.shape, y.dtype)));
  visit_activation_type(y.dtype, [&]<typename T>(T) {
    visit_activation(act, [&]<Activation A>(ActivationConstant<A>) {
      tiles.for_each_tile(ctx, [&](const ChannelTile& t) {
        if (dbias == nullptr)
          return data_gradient<A, false, T>(t, y.as<T>(), dy.as<T>(), dx.as<T>(), nullptr);
        alignas(64) double sum[kLanes] = {};
        data_gradient<A, true>(t, y.as<T>(), dy.as<T>(), dx.as<T>(), sum);
        std::copy_n(sum, t.channels, partial + t.row_block * tiles.channels() + t.first_channel);
      });
    });
    visit_store(dbias != nullptr, mode, [&]<Store S>(StoreConstant<S>) {
      if constexpr (S != Store::kSkip) add_partials<S>(ctx, tiles, partial, dbias->as<ArithmeticOf<T>>());
    });
  });
}

}  // namespace inpaint::cpu
