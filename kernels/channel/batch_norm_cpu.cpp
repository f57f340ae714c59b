// batch_norm on the CPU; contract in batch_norm.h. Memory-bound: statistics read x once, forward reads x and
// writes y, backward reads x and dy twice and writes dx.
#include <cmath>
#include <utility>

#include "kernels/channel/batch_norm.h"
#include "kernels/cpu/activation_cpu.h"
#include "kernels/cpu/channel_tiles_cpu.h"
#include "kernels/cpu/grad_mode_cpu.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kLanes = ChannelTiles::kLanes;

// Two partial sums per channel of each row block, [row block, 2, C]; afterwards the totals in block 0.
class Partials {
 public:
  Partials(const Context& ctx, const Shape& x)
      : channels_(x.back()), data_(static_cast<double*>(ctx.workspace(bytes(x)))) {}

  static int64_t bytes(const Shape& x) {
    const ChannelTiles tiles(x);
    return 2 * tiles.row_blocks() * tiles.channels() * size_of(DType::kF64);
  }

  double* first(int64_t row_block) const { return data_ + 2 * row_block * channels_; }
  double* second(int64_t row_block) const { return first(row_block) + channels_; }

  void put(const ChannelTile& t, const double* a, const double* b) const {
    std::copy_n(a, t.channels, first(t.row_block) + t.first_channel);
    std::copy_n(b, t.channels, second(t.row_block) + t.first_channel);
  }

 private:
  int64_t channels_;
  double* data_;
};

// Adds up the two terms f(position, lane) of all values of a tile, by channel: in the type of arithmetic over
// the rows of a group, in double over the groups. A group of 64 lanes is 1 KiB of the array, as larger ones
// are read more slowly.
template <typename T, typename F>
void tile_sums(const ChannelTile& t, double* first, double* second, F&& f) {
  t.for_each_row_group<16 / sizeof(T)>([&](auto group, int64_t at, int64_t lanes) {
#pragma GCC ivdep
    for (int64_t l = 0; l < lanes; ++l) {
      ArithmeticOf<T> a = 0, b = 0;
      for (int r = 0; r < group(); ++r) {
        const auto [more_a, more_b] = f(at + r * t.stride + l, l);
        a += more_a;
        b += more_b;
      }
      first[l] += static_cast<double>(a);
      second[l] += static_cast<double>(b);
    }
  });
  t.fold(first);
  t.fold(second);
}

// Sums of x - shift and of its square, the shift being the mean of the tile's first rows: one pass, in which
// cancellation costs at most a factor of the tile's rows over those, 16.
template <typename T>
void tile_moments(const ChannelTile& t, const T* x, double* mean, double* m2) {
  using F = ArithmeticOf<T>;
  alignas(64) double sum[kLanes] = {}, squares[kLanes] = {}, head_sum[kLanes] = {}, unused[kLanes] = {};
  alignas(64) F shift[kLanes];
  const ChannelTile head = t.head();
  tile_sums<T>(head, head_sum, unused, [=](int64_t i, int64_t) { return std::pair{F{x[i]}, F{0}}; });
  t.spread(shift, [&](int64_t c) {
    return static_cast<F>(head_sum[c - t.first_channel] / static_cast<double>(head.rows));
  });
  tile_sums<T>(t, sum, squares, [&](int64_t i, int64_t l) {
    const F d = x[i] - shift[l];
    return std::pair{d, d * d};
  });
  const double n = static_cast<double>(t.rows);
  for (int64_t c = 0; c < t.channels; ++c) {
    mean[c] = static_cast<double>(shift[c]) + sum[c] / n;
    m2[c] = std::max(squares[c] - sum[c] * (sum[c] / n), 0.0);
  }
}

// Merges the row blocks' means and squared deviations in order: Chan, Golub & LeVeque 1979, formula 2.1.
template <typename T>
void merge_moments(const ChannelTiles& tiles, const Partials& partials, int64_t begin, int64_t end, T* mean,
                   T* variance) {
  double *total_mean = partials.first(0), *total_m2 = partials.second(0);
  const double rows = static_cast<double>(tiles.rows());
  double n = static_cast<double>(tiles.rows_in_block(0));
  for (int64_t block = 1; block < tiles.row_blocks(); ++block) {
    const double *block_mean = partials.first(block), *block_m2 = partials.second(block);
    const double more = static_cast<double>(tiles.rows_in_block(block)), share = more / (n + more);
#pragma GCC ivdep
    for (int64_t c = begin; c < end; ++c) {
      const double delta = block_mean[c] - total_mean[c];
      total_mean[c] += delta * share;
      total_m2[c] += block_m2[c] + delta * delta * (n * share);
    }
    n += more;
  }
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
T inverse_deviation(T variance, double epsilon) {
  return static_cast<T>(1 / std::sqrt(static_cast<double>(variance) + epsilon));
}

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

template <typename T>
void write_gradient(const Tensor* gradient, GradMode mode, int64_t c, double value) {
  if (gradient == nullptr) return;
  T* to = gradient->as<T>() + c;
  *to = static_cast<T>(mode == GradMode::kOverwrite ? value : static_cast<double>(*to) + value);
}

template <Activation A, typename T>
void backward(const Context& ctx, const ChannelTiles& tiles, const Partials& partials,
              const Normalisation<ArithmeticOf<T>>& norm, const T* x, const T* dy, T* dx,
              const BatchNormGrads& grads) {
  using F = ArithmeticOf<T>;
  tiles.for_each_tile(ctx, [&](const ChannelTile& t) {
    LaneAffine<F> affine;
    norm.spread(t, affine);
    alignas(64) double sum[kLanes] = {}, moment[kLanes] = {};
    tile_gradient_sums<A>(t, affine, x, dy, sum, moment);
    partials.put(t, sum, moment);
  });
  double *sum = partials.first(0), *moment = partials.second(0);
  tiles.for_each_chunk(ctx, [&](int64_t begin, int64_t end) {
    for (int64_t block = 1; block < tiles.row_blocks(); ++block) {
      const double *more_sum = partials.first(block), *more_moment = partials.second(block);
      for (int64_t c = begin; c < end; ++c) sum[c] += more_sum[c];
      for (int64_t c = begin; c < end; ++c) moment[c] += more_moment[c];
    }
    for (int64_t c = begin; c < end; ++c) {
      write_gradient<F>(grads.dbeta, grads.mode, c, sum[c]);
      write_gradient<F>(grads.dgamma, grads.mode, c,
                        moment[c] / std::sqrt(static_cast<double>(norm.variance[c]) + norm.epsilon));
    }
  });
  const double rows = static_cast<double>(tiles.rows());
  tiles.for_each_tile(ctx, [&](const ChannelTile& t) {
    LaneAffine<F> affine;
    norm.spread(t, affine);
    alignas(64) F mean_dz[kLanes], slope[kLanes];
    t.spread(mean_dz, [&](int64_t c) { return static_cast<F>(sum[c] / rows); });
    t.spread(slope, [&](int64_t c) {
      return static_cast<F>(moment[c] / (rows * (static_cast<double>(norm.variance[c]) + norm.epsilon)));
    });
    tile_data_gradient<A>(t, affine, mean_dz, slope, x, dy, dx);
  });
}

// The activations a batch norm may have behind it; tanh has no layer that wants it.
template <typename F>
void visit_kinked(Activation act, F&& f) {
  visit_activation(act, [&]<Activation A>(ActivationConstant<A> constant) {
    if constexpr (A != Activation::kTanh) f(constant);
  });
}

}  // namespace

int64_t batch_norm_workspace_bytes(const Context&, const Shape& x) { return Partials::bytes(x); }

void batch_norm_statistics(const Context& ctx, const Tensor& x, const Tensor& mean, const Tensor& variance) {
  const ChannelTiles tiles(x.shape);
  const Partials partials(ctx, x.shape);
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using F = ArithmeticOf<T>;
    const T* xs = x.as<T>();
    tiles.for_each_tile(ctx, [&](const ChannelTile& t) {
      double tile_mean[kLanes], m2[kLanes];
      tile_moments(t, xs, tile_mean, m2);
      partials.put(t, tile_mean, m2);
    });
    tiles.for_each_chunk(ctx, [&](int64_t begin, int64_t end) {
      merge_moments(tiles, partials, begin, end, mean.as<F>(), variance.as<F>());
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
    visit_kinked(act, [&]<Activation A>(ActivationConstant<A>) {
      tiles.for_each_tile(ctx, [&](const ChannelTile& t) {
        LaneAffine<F> affine;
        norm.spread(t, affine);
        apply_tile<A>(t, affine, x.as<T>(), y.as<T>());
      });
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
    visit_kinked(act, [&]<Activation A>(ActivationConstant<A>) {
      tiles.for_each_tile(ctx, [&](const ChannelTile& t) {
        LaneAffine<F> affine;
        norm.spread(t, affine);
        t.spread(affine.mean, [&](int64_t c) { return biases == nullptr ? means[c] : means[c] - biases[c]; });
        apply_tile<A>(t, affine, x.as<T>(), y.as<T>());
      });
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
  const Partials partials(ctx, x.shape);
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using F = ArithmeticOf<T>;
    const Normalisation<F> norm{mean.as<F>(), variance.as<F>(), gamma.as<F>(), beta.as<F>(), epsilon};
    visit_kinked(act, [&]<Activation A>(ActivationConstant<A>) {
      backward<A>(ctx, tiles, partials, norm, x.as<T>(), dy.as<T>(), dx.as<T>(), grads);
    });
  });
}

}  // namespace inpaint::cpu
