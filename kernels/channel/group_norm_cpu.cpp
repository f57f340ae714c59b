// group_norm on the CPU; contract in group_norm.h. Memory-bound: forward reads x twice and writes y, backward
// reads x, y and dy twice and writes dx. Where there are enough pictures, one thread does both passes over a
// picture, so that the second pass may find it in the cache.
#include "kernels/channel/group_norm.h"
#include "kernels/cpu/activation_cpu.h"
#include "kernels/cpu/channel_sums_cpu.h"
#include "kernels/cpu/grad_mode_cpu.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kLanes = ChannelTiles::kLanes;

// x [N, M, C] as N arrays [M, C], each with its partial sums. One picture's sums need nothing of another's.
class Pictures {
 public:
  Pictures(const Shape& x, int64_t group_count)
      : count(x[0]),
        elements(x.elements() / x[0]),
        groups(group_count),
        group_channels(x.back() / groups),
        tiles(Shape{elements / x.back(), x.back()}) {}

  int64_t workspace_bytes() const { return count * ChannelPartials::bytes(tiles); }
  void take_workspace(const Context& ctx) {
    memory_ = static_cast<std::byte*>(ctx.workspace(workspace_bytes()));
  }

  ChannelPartials partials(int64_t n) const { return {tiles, memory_ + n * ChannelPartials::bytes(tiles)}; }
  double group_elements() const { return static_cast<double>(tiles.rows() * group_channels); }

  // Runs sums(n, tile) on all tiles of picture n, then merge(n), then map(n, tile) on all its tiles. The
  // number of threads decides who does what, and no sum depends on that.
  template <typename Sums, typename Merge, typename Map>
  void run(const Context& ctx, Sums&& sums, Merge&& merge, Map&& map) const {
    const int64_t tile_count = tiles.count();
    if (count % ctx.threads() == 0 || count >= 4 * ctx.threads())
      return ctx.parallel(count, [&](int64_t n, int) {
        for (int64_t t = 0; t < tile_count; ++t) sums(n, tiles.tile(t));
        merge(n);
        for (int64_t t = 0; t < tile_count; ++t) map(n, tiles.tile(t));
      });
    const auto for_each_tile = [&](auto&& body) {
      ctx.parallel(count * tile_count,
                   [&](int64_t i, int) { body(i / tile_count, tiles.tile(i % tile_count)); });
    };
    for_each_tile(sums);
    ctx.parallel(count, [&](int64_t n, int) { merge(n); });
    for_each_tile(map);
  }

  const int64_t count, elements, groups, group_channels;
  const ChannelTiles tiles;

 private:
  std::byte* memory_ = nullptr;
};

// Mean and rstd of the groups of picture n. The channels' squared deviations are moved to the group's mean.
template <typename T>
void write_statistics(const Pictures& p, int64_t n, double epsilon, T* mean, T* rstd) {
  const ChannelPartials partials = p.partials(n);
  merge_block_moments(p.tiles, partials, 0, p.tiles.channels());
  const double rows = static_cast<double>(p.tiles.rows());
  for (int64_t g = 0; g < p.groups; ++g) {
    const double *means = partials.first(0) + g * p.group_channels,
                 *m2 = partials.second(0) + g * p.group_channels;
    double sum = 0, squares = 0;
    for (int64_t c = 0; c < p.group_channels; ++c) sum += means[c];
    const double middle = sum / static_cast<double>(p.group_channels);
    for (int64_t c = 0; c < p.group_channels; ++c)
      squares += m2[c] + rows * (means[c] - middle) * (means[c] - middle);
    mean[n * p.groups + g] = static_cast<T>(middle);
    rstd[n * p.groups + g] = static_cast<T>(inverse_deviation(squares / p.group_elements(), epsilon));
  }
}

// z = (x - mean) scale + beta + addend.
template <Activation A, bool kAdds, typename T>
void apply_tile(const ChannelTile& t, const ArithmeticOf<T>* mean, const ArithmeticOf<T>* scale,
                const ArithmeticOf<T>* beta, const T* x, const T* addend, T* y) {
  t.for_each_row([&](int64_t at, int64_t lanes) {
#pragma GCC ivdep
    for (int64_t l = 0; l < lanes; ++l) {
      ArithmeticOf<T> z = (x[at + l] - mean[l]) * scale[l] + beta[l];
      if constexpr (kAdds) z += addend[at + l];
      y[at + l] = static_cast<T>(activate<A>(z));
    }
  });
}

template <typename T>
using ApplyTile = decltype(&apply_tile<Activation::kNone, false, T>);

// The whole op, but for what it does with a tile: so it is compiled once for all activations.
template <typename T>
void forward(const Context& ctx, const Pictures& p, double epsilon, const GroupNormForward& tensors,
             ApplyTile<T> apply) {
  using F = ArithmeticOf<T>;
  const T* x = tensors.x.as<T>();
  const T* addend = tensors.addend.data == nullptr ? nullptr : tensors.addend.as<T>();
  const F *gamma = tensors.gamma.as<F>(), *beta = tensors.beta.as<F>();
  F *mean = tensors.mean.as<F>(), *rstd = tensors.rstd.as<F>();
  T* y = tensors.y.as<T>();
  p.run(
      ctx,
      [&](int64_t n, const ChannelTile& t) {
        double tile_mean[kLanes], m2[kLanes];
        tile_moments(t, x + n * p.elements, tile_mean, m2);
        p.partials(n).put(t, tile_mean, m2);
      },
      [&](int64_t n) { write_statistics(p, n, epsilon, mean, rstd); },
      [&](int64_t n, const ChannelTile& t) {
        const auto group = [&](int64_t c) { return n * p.groups + c / p.group_channels; };
        alignas(64) F means[kLanes], scale[kLanes], shift[kLanes];
        t.spread(means, [&](int64_t c) { return mean[group(c)]; });
        t.spread(scale, [&](int64_t c) { return gamma[c] * rstd[group(c)]; });
        t.spread(shift, [&](int64_t c) { return beta[c]; });
        const int64_t begin = n * p.elements;
        apply(t, means, scale, shift, x + begin, addend == nullptr ? nullptr : addend + begin, y + begin);
      });
}

// The tensors of a picture that backward reads and writes.
template <typename T>
struct PictureGradients {
  const T *x, *y, *dy;
  T *dx, *daddend;  // daddend may be null

  template <Activation A>
  ArithmeticOf<T> dz(int64_t i) const {
    if constexpr (A == Activation::kNone)
      return dy[i];  // y may be null
    else
      return activation_gradient<A>(ArithmeticOf<T>{y[i]}, ArithmeticOf<T>{dy[i]});
  }
};

// Sums of dz and of dz (x - mean).
template <Activation A, typename T>
void tile_gradient_sums(const ChannelTile& t, const ArithmeticOf<T>* mean, const PictureGradients<T>& of,
                        double* sum, double* moment) {
  tile_sums<T>(t, sum, moment, [=](int64_t i, int64_t l) {
    const ArithmeticOf<T> dz = of.template dz<A>(i);
    return std::pair{dz, dz * (of.x[i] - mean[l])};
  });
}

// The coefficients that the values of a group share: offset = rstd mean_g(h), slope = rstd^2 mean_g(h xhat).
template <typename T>
struct GroupCoefficients {
  T offset, slope;
};
template <typename T>
GroupCoefficients<T> group_coefficients(const Pictures& p, int64_t n, int64_t g, const T* gamma,
                                        double rstd) {
  const double *sum = p.partials(n).first(0), *moment = p.partials(n).second(0);
  double h = 0, h_moment = 0;
  for (int64_t c = g * p.group_channels; c < (g + 1) * p.group_channels; ++c) {
    h += static_cast<double>(gamma[c]) * sum[c];
    h_moment += static_cast<double>(gamma[c]) * moment[c];
  }
  return {static_cast<T>(rstd * h / p.group_elements()),
          static_cast<T>(rstd * rstd * rstd * h_moment / p.group_elements())};
}

// What a tile's lanes make dx of: dx = scale dz - offset - (x - mean) slope.
template <typename T>
struct LaneGradients {
  alignas(64) T mean[kLanes], scale[kLanes], offset[kLanes], slope[kLanes];

  // For a tile of picture n, whose groups have these means and rstds.
  void set(const Pictures& p, int64_t n, const ChannelTile& t, const T* means, const T* rstds,
           const T* gamma) {
    GroupCoefficients<T> group = {};
    for (int64_t l = 0; l < t.channels; ++l) {
      const int64_t c = t.first_channel + l, g = c / p.group_channels;
      if (l == 0 || c % p.group_channels == 0)
        group = group_coefficients(p, n, g, gamma, static_cast<double>(rstds[g]));
      mean[l] = means[g];
      scale[l] = gamma[c] * rstds[g];
      offset[l] = group.offset;
      slope[l] = group.slope;
    }
    for (T* values : {mean, scale, offset, slope})
      t.spread(values, [&](int64_t c) { return values[c - t.first_channel]; });
  }
};

template <Activation A, Store S, typename T>
void tile_data_gradient(const ChannelTile& t, const LaneGradients<ArithmeticOf<T>>& lane,
                        const PictureGradients<T>& of) {
  t.for_each_row([&](int64_t at, int64_t lanes) {
#pragma GCC ivdep
    for (int64_t l = 0; l < lanes; ++l) {
      const int64_t i = at + l;
      const ArithmeticOf<T> dz = of.template dz<A>(i);
      of.dx[i] =
          static_cast<T>(lane.scale[l] * dz - lane.offset[l] - (of.x[i] - lane.mean[l]) * lane.slope[l]);
      store<S>(of.daddend, i, dz);
    }
  });
}

// dgamma and dbeta: the pictures' sums, added in order.
template <typename T>
void write_parameter_gradients(const Pictures& p, const GroupNormBackward& tensors) {
  const T* rstd = tensors.rstd.as<T>();
  T* dgamma = tensors.dgamma.data == nullptr ? nullptr : tensors.dgamma.as<T>();
  T* dbeta = tensors.dbeta.data == nullptr ? nullptr : tensors.dbeta.as<T>();
  for (int64_t c = 0; c < p.tiles.channels(); ++c) {
    double sum = 0, moment = 0;
    for (int64_t n = 0; n < p.count; ++n) {
      const ChannelPartials partials = p.partials(n);
      sum += partials.first(0)[c];
      moment += partials.second(0)[c] * static_cast<double>(rstd[n * p.groups + c / p.group_channels]);
    }
    write_channel_gradient(dbeta, tensors.parameter_mode, c, sum);
    write_channel_gradient(dgamma, tensors.parameter_mode, c, moment);
  }
}

template <typename T>
struct BackwardOfTile {
  decltype(&tile_gradient_sums<Activation::kNone, T>) sums;
  decltype(&tile_data_gradient<Activation::kNone, Store::kSkip, T>) data_gradient;
};

template <typename T>
void backward(const Context& ctx, const Pictures& p, const GroupNormBackward& tensors,
              const BackwardOfTile<T>& tile) {
  using F = ArithmeticOf<T>;
  const F *mean = tensors.mean.as<F>(), *rstd = tensors.rstd.as<F>(), *gamma = tensors.gamma.as<F>();
  const auto picture = [&](int64_t n) {
    const int64_t begin = n * p.elements;
    return PictureGradients<T>{tensors.x.as<T>() + begin,
                               tensors.y.data == nullptr ? nullptr : tensors.y.as<T>() + begin,
                               tensors.dy.as<T>() + begin, tensors.dx.as<T>() + begin,
                               tensors.daddend.data == nullptr ? nullptr : tensors.daddend.as<T>() + begin};
  };
  p.run(
      ctx,
      [&](int64_t n, const ChannelTile& t) {
        alignas(64) F means[kLanes];
        t.spread(means, [&](int64_t c) { return mean[n * p.groups + c / p.group_channels]; });
        alignas(64) double sum[kLanes] = {}, moment[kLanes] = {};
        tile.sums(t, means, picture(n), sum, moment);
        p.partials(n).put(t, sum, moment);
      },
      [&](int64_t n) { merge_block_sums(p.tiles, p.partials(n), 0, p.tiles.channels()); },
      [&](int64_t n, const ChannelTile& t) {
        LaneGradients<F> lane;
        lane.set(p, n, t, mean + n * p.groups, rstd + n * p.groups, gamma);
        tile.data_gradient(t, lane, picture(n));
      });
  write_parameter_gradients<F>(p, tensors);
}

}  // namespace

int64_t group_norm_workspace_bytes(const Context&, const Shape& x, int64_t groups) {
  return Pictures(x, groups).workspace_bytes();
}

void group_norm_forward(const Context& ctx, const GroupNormOptions& norm, const GroupNormForward& tensors) {
  Pictures pictures(tensors.x.shape, norm.groups);
  pictures.take_workspace(ctx);
  visit_activation_type(tensors.x.dtype, [&]<typename T>(T) {
    visit_kinked(norm.act, [&]<Activation A>(ActivationConstant<A>) {
      forward<T>(ctx, pictures, norm.epsilon, tensors,
                 tensors.addend.data == nullptr ? &apply_tile<A, false, T> : &apply_tile<A, true, T>);
    });
  });
}

void group_norm_backward(const Context& ctx, const GroupNormOptions& norm, const GroupNormBackward& tensors) {
  Pictures pictures(tensors.x.shape, norm.groups);
  pictures.take_workspace(ctx);
  visit_activation_type(tensors.x.dtype, [&]<typename T>(T) {
    visit_kinked(norm.act, [&]<Activation A>(ActivationConstant<A>) {
      visit_store(tensors.daddend.data != nullptr, tensors.addend_mode, [&]<Store S>(StoreConstant<S>) {
        backward<T>(ctx, pictures, tensors, {&tile_gradient_sums<A, T>, &tile_data_gradient<A, S, T>});
      });
    });
  });
}

}  // namespace inpaint::cpu
