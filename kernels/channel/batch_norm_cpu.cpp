// batch_norm on the CPU; contract in batch_norm.h. Memory-bound: statistics read x once, forward reads x and
// writes y, backward reads x and dy twice and writes dx.
#include <algorithm>

#include "kernels/channel/batch_norm.h"
#include "kernels/cpu/activation_cpu.h"
#include "kernels/cpu/channel_sums_cpu.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kLanes = ChannelTiles::kLanes;

template <typename T>
void write_moments(const ChannelTiles& tiles, const ChannelPartials& partials, int64_t begin, int64_t end,
                   T* mean, T* variance) {
  const double *total_mean = partials.first(0), *total_m2 = partials.second(0);
  const double rows = static_cast<double>(tiles.rows());
  for (int64_t c = begin; c < end; ++c) {
    mean[c] = static_cast<T>(total_mean[c]);
    variance[c] = static_cast<T>(total_m2[c] / rows);
  }
}

// The affine map z = (x - mean) scale + beta of a tile's lanes. Forward and backward share it, so that both
// see the same side of an activation's kink.
template <typename T>
struct LaneAffine {
  alignas(64) T mean[kLanes], scale[kLanes], beta[kLanes];

  T z(int64_t l, T x) const { return (x - mean[l]) * scale[l] + beta[l]; }
};

template <typename T>
struct Normalisation {
  const T *mean, *variance, *gamma, *beta;
  double epsilon;

  void spread(const ChannelTile& t, LaneAffine<T>& lanes) const {
    t.spread(lanes.mean, [&](int64_t c) { return mean[c]; });
    t.spread(lanes.scale, [&](int64_t c) { return gamma[c] * inverse_deviation(variance[c], epsilon); });
    t.spread(lanes.beta, [&](int64_t c) { return beta[c]; });
  }
};

template <Activation A, typename T>
void apply_tile(const ChannelTile& t, const LaneAffine<ArithmeticOf<T>>& affine, const T* x, T* y) {
  t.for_each_row([&](int64_t at, int64_t lanes) {
#pragma GCC ivdep
    for (int64_t l = 0; l < lanes; ++l) y[at + l] = static_cast<T>(activate<A>(affine.z(l, x[at + l])));
  });
}

// Sums of dz and of dz (x - mean).
template <Activation A, typename T>
void tile_gradient_sums(const ChannelTile& t, const LaneAffine<ArithmeticOf<T>>& affine, const T* x,
                        const T* dy, double* sum, double* moment) {
  using F = ArithmeticOf<T>;
  tile_sums<T>(t, sum, moment, [&](int64_t i, int64_t l) {
    const F value = x[i], dz = activation_gradient<A>(affine.z(l, value), F{dy[i]});
    return std::pair{dz, dz * (value - affine.mean[l])};
  });
}

// dx = scale (dz - sum dz / M - (x - mean) sum(dz (x - mean)) / (M (variance + epsilon))).
template <Activation A, typename T>
void tile_data_gradient(const ChannelTile& t, const LaneAffine<ArithmeticOf<T>>& affine,
                        const ArithmeticOf<T>* mean_dz, const ArithmeticOf<T>* slope, const T* x, const T* dy,
                        T* dx) {
  using F = ArithmeticOf<T>;
  t.for_each_row([&](int64_t at, int64_t lanes) {
#pragma GCC ivdep
    for (int64_t l = 0; l < lanes; ++l) {
      const F value = x[at + l], dz = activation_gradient<A>(affine.z(l, value), F{dy[at + l]});
      dx[at + l] = static_cast<T>(affine.scale[l] * (dz - mean_dz[l] - (value - affine.mean[l]) * slope[l]));
    }
  });
}

// What an op does with a tile under an activation. The ops take it when they run: so they are compiled once
// for all activations.
template <typename T>
struct TileOps {
  decltype(&apply_tile<Activation::kNone, T>) apply;
  decltype(&tile_gradient_sums<Activation::kNone, T>) gradient_sums;
  decltype(&tile_data_gradient<Activation::kNone, T>) data_gradient;
};

template <typename T>
TileOps<T> tile_ops(Activation act) {
  TileOps<T> ops = {};
  visit_kinked(act, [&]<Activation A>(ActivationConstant<A>) {
    ops = {&apply_tile<A, T>, &tile_gradient_sums<A, T>, &tile_data_gradient<A, T>};
  });
  return ops;
}

// The sums of all rows into the partials' first block, and the gradients of gamma and beta.
template <typename T>
void gradient_sums(const Context& ctx, const ChannelTiles& tiles, const ChannelPartials& partials,
                   const Normalisation<ArithmeticOf<T>>& norm, Activation act, const T* x, const T* dy,
                   const BatchNormGrads& grads) {
  using F = ArithmeticOf<T>;
  const TileOps<T> ops = tile_ops<T>(act);
  tiles.for_each_tile(ctx, [&](const ChannelTile& t) {
    LaneAffine<F> affine;
    norm.spread(t, affine);
    alignas(64) double sum[kLanes] = {}, moment[kLanes] = {};
    ops.gradient_sums(t, affine, x, dy, sum, moment);
    partials.put(t, sum, moment);
  });
  const double *sum = partials.first(0), *moment = partials.second(0);
  F* const dbeta = grads.dbeta == nullptr ? nullptr : grads.dbeta->as<F>();
  F* const dgamma = grads.dgamma == nullptr ? nullptr : grads.dgamma->as<F>();
  tiles.for_each_chunk(ctx, [&](int64_t begin, int64_t end) {
    merge_block_sums(tiles, partials, begin, end);
    for (int64_t c = begin; c < end; ++c) {
      write_channel_gradient(dbeta, grads.mode, c, sum[c]);
      write_channel_gradient(dgamma, grads.mode, c,
                             moment[c] / std::sqrt(static_cast<double>(norm.variance[c]) + norm.epsilon));
    }
  });
}

template <typename T>
void data_gradient(const Context& ctx, const ChannelTiles& tiles, const Normalisation<ArithmeticOf<T>>& norm,
                   Activation act, const double* sum, const double* moment, double rows, const T* x,
                   const T* dy, T* dx) {
  using F = ArithmeticOf<T>;
  const TileOps<T> ops = tile_ops<T>(act);
  tiles.for_each_tile(ctx, [&](const ChannelTile& t) {
    LaneAffine<F> affine;
    norm.spread(t, affine);
    alignas(64) F mean_dz[kLanes], slope[kLanes];
    t.spread(mean_dz, [&](int64_t c) { return static_cast<F>(sum[c] / rows); });
    t.spread(slope, [&](int64_t c) {
      return static_cast<F>(moment[c] / (rows * (static_cast<double>(norm.variance[c]) + norm.epsilon)));
    });
    ops.data_gradient(t, affine, mean_dz, slope, x, dy, dx);
  });
}

}  // namespace

int64_t batch_norm_workspace_bytes(const Context&, const Shape& x) {
  return ChannelPartials::bytes(ChannelTiles(x));
}

void batch_norm_statistics(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance) {
  const ChannelTiles tiles(x.shape);
  const ChannelPartials partials(tiles, ctx.workspace(ChannelPartials::bytes(tiles)));
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using F = ArithmeticOf<T>;
    const T* xs = x.as<T>();
    tiles.for_each_tile(ctx, [&](const ChannelTile& t) {
      double tile_mean[kLanes], m2[kLanes];
      tile_moments(t, xs, tile_mean, m2);
      partials.put(t, tile_mean, m2);
    });
    tiles.for_each_chunk(ctx, [&](int64_t begin, int64_t end) {
      merge_block_moments(tiles, partials, begin, end);
      write_moments(tiles, partials, begin, end, mean.as<F>(), variance.as<F>());
    });
  });
}

void batch_norm_forward(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                        const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                        const Tensor& y) {
  const ChannelTiles tiles(x.shape);
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using F = ArithmeticOf<T>;
    const Normalisation<F> norm{mean.as<F>(), variance.as<F>(), gamma.as<F>(), beta.as<F>(), epsilon};
    const TileOps<T> ops = tile_ops<T>(act);
    tiles.for_each_tile(ctx, [&](const ChannelTile& t) {
      LaneAffine<F> affine;
      norm.spread(t, affine);
      ops.apply(t, affine, x.as<T>(), y.as<T>());
    });
  });
}

void batch_norm_inference(const Context& ctx, const Tensor& x, const Tensor* bias, const Tensor& running_mean,
                          const Tensor& running_variance, const Tensor& gamma, const Tensor& beta,
                          double epsilon, Activation act, const Tensor& y) {
  const ChannelTiles tiles(x.shape);
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using F = ArithmeticOf<T>;
    const F *means = running_mean.as<F>(), *biases = bias == nullptr ? nullptr : bias->as<F>();
    const Normalisation<F> norm{means, running_variance.as<F>(), gamma.as<F>(), beta.as<F>(), epsilon};
    const TileOps<T> ops = tile_ops<T>(act);
    tiles.for_each_tile(ctx, [&](const ChannelTile& t) {
      LaneAffine<F> affine;
      norm.spread(t, affine);
      t.spread(affine.mean, [&](int64_t c) { return biases == nullptr ? means[c] : means[c] - biases[c]; });
      ops.apply(t, affine, x.as<T>(), y.as<T>());
    });
  });
}

void batch_norm_update_running(const Context&, std::span<const RunningUpdate> updates) {
  for (const RunningUpdate& u : updates)
    visit_real(u.mean.dtype, [&]<typename T>(T) {
      const T *means = u.mean.as<T>(), *variances = u.variance.as<T>();
      const T* biases = u.bias.data == nullptr ? nullptr : u.bias.as<T>();
      T *running_means = u.running_mean.as<T>(), *running_variances = u.running_variance.as<T>();
      const T keep = static_cast<T>(u.decay), take = static_cast<T>(1 - u.decay);
      for (int64_t c = 0; c < u.mean.elements(); ++c) {
        running_means[c] =
            keep * running_means[c] + take * (biases == nullptr ? means[c] : means[c] + biases[c]);
        running_variances[c] = keep * running_variances[c] + take * variances[c];
      }
    });
}

void batch_norm_backward(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                         const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                         const Tensor& dy, const Tensor& dx, const BatchNormGrads& grads) {
  const ChannelTiles tiles(x.shape);
  const ChannelPartials partials(tiles, ctx.workspace(ChannelPartials::bytes(tiles)));
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using F = ArithmeticOf<T>;
    const Normalisation<F> norm{mean.as<F>(), variance.as<F>(), gamma.as<F>(), beta.as<F>(), epsilon};
    gradient_sums(ctx, tiles, partials, norm, act, x.as<T>(), dy.as<T>(), grads);
    data_gradient(ctx, tiles, norm, act, partials.first(0), partials.second(0),
                  static_cast<double>(tiles.rows()), x.as<T>(), dy.as<T>(), dx.as<T>());
  });
}

void batch_norm_gradient_sums(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                              const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                              const Tensor& dy, const Tensor& sums, const BatchNormGrads& grads) {
  const ChannelTiles tiles(x.shape);
  const ChannelPartials partials(tiles, ctx.workspace(ChannelPartials::bytes(tiles)));
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using F = ArithmeticOf<T>;
    const Normalisation<F> norm{mean.as<F>(), variance.as<F>(), gamma.as<F>(), beta.as<F>(), epsilon};
    gradient_sums(ctx, tiles, partials, norm, act, x.as<T>(), dy.as<T>(), grads);
  });
  const int64_t channels = x.shape.back();
  std::copy_n(partials.first(0), channels, sums.as<double>());
  std::copy_n(partials.second(0), channels, sums.as<double>() + channels);
}

void batch_norm_data_gradient(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance,
                              const Tensor& gamma, const Tensor& beta, double epsilon, Activation act,
                              const Tensor& dy, const Tensor& sums, int64_t rows, const Tensor& dx) {
  const ChannelTiles tiles(x.shape);
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using F = ArithmeticOf<T>;
    const Normalisation<F> norm{mean.as<F>(), variance.as<F>(), gamma.as<F>(), beta.as<F>(), epsilon};
    const double* const sum = sums.as<double>();
    data_gradient(ctx, tiles, norm, act, sum, sum + x.shape.back(), static_cast<double>(rows), x.as<T>(),
                  dy.as<T>(), dx.as<T>());
  });
}

}  // namespace inpaint::cpu
