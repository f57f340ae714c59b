// The ops' formulas, as naive as they come, over a number type R: double; Bounded, which adds an error bound;
// Complex, for the complex step. Arrays are flat, in the layouts of the kernels' headers.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/activation.h"
#include "kernels/conv/conv2d.h"
#include "kernels/loss/reconstruction_loss.h"
#include "tests/harness/bounded.h"
#include "tests/harness/derivative.h"

namespace inpaint::test::reference {

template <typename R>
using Values = std::vector<R>;

inline size_t at(int64_t i) { return static_cast<size_t>(i); }

template <typename R>
R absolute(const R& x) {
  return real_part(x) < 0 ? -x : x;
}

template <typename R>
R activate(Activation act, const R& z) {
  using std::tanh;
  const bool positive = real_part(z) > 0;
  switch (act) {
    case Activation::kNone:
      return z;
    case Activation::kRelu:
      return positive ? z : R(0.0);
    case Activation::kLeakyRelu:
      return positive ? z : R(0.2) * z;
    case Activation::kTanh:
      return tanh(z);
  }
  throw Error("unknown activation");
}

// dz from dy and the pre-activation (the output where the activation is tanh).
template <typename R>
R activation_gradient(Activation act, const R& z, const R& dy) {
  const bool positive = real_part(z) > 0;
  switch (act) {
    case Activation::kNone:
      return dy;
    case Activation::kRelu:
      return positive ? dy : R(0.0);
    case Activation::kLeakyRelu:
      return positive ? dy : R(0.2) * dy;
    case Activation::kTanh:
      return dy * (R(1.0) - z * z);
  }
  throw Error("unknown activation");
}

template <typename R>
R dot(const Values<R>& a, const Values<R>& b) {
  R sum(0.0);
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Sums over the rows of x [M, C].
template <typename R>
Values<R> column_sums(const Values<R>& x, int64_t c) {
  Values<R> sums(at(c), R(0.0));
  for (size_t i = 0; i < x.size(); ++i) sums[i % at(c)] += x[i];
  return sums;
}

template <typename R>
Values<R> bias_activation(const Values<R>& x, const Values<R>& bias, Activation act) {
  Values<R> y;
  for (size_t i = 0; i < x.size(); ++i) y.push_back(activate(act, x[i] + bias[i % bias.size()]));
  return y;
}

template <typename R>
struct Moments {
  Values<R> mean, variance;
};

template <typename R>
Moments<R> moments(const Values<R>& x, int64_t c) {
  const R rows(static_cast<double>(x.size() / at(c)));
  Values<R> mean = column_sums(x, c);
  for (R& m : mean) m = m / rows;
  Values<R> squares;
  for (size_t i = 0; i < x.size(); ++i)
    squares.push_back((x[i] - mean[i % at(c)]) * (x[i] - mean[i % at(c)]));
  Values<R> variance = column_sums(squares, c);
  for (R& v : variance) v = v / rows;
  return {mean, variance};
}

template <typename R>
struct BatchNorm {
  Values<R> mean, variance, gamma, beta;
  double epsilon;

  R deviation(size_t c) const {
    using std::sqrt;
    return sqrt(variance[c] + R(epsilon));
  }
  R xhat(const Values<R>& x, size_t i) const {
    const size_t c = i % mean.size();
    return (x[i] - mean[c]) / deviation(c);
  }
  R z(const Values<R>& x, size_t i) const {
    const size_t c = i % mean.size();
    return gamma[c] * xhat(x, i) + beta[c];
  }

  Values<R> forward(const Values<R>& x, Activation act) const {
    Values<R> y;
    for (size_t i = 0; i < x.size(); ++i) y.push_back(activate(act, z(x, i)));
    return y;
  }

  struct Gradients {
    Values<R> dx, dgamma, dbeta;
  };
  Gradients backward(const Values<R>& x, Activation act, const Values<R>& dy) const {
    const int64_t c = static_cast<int64_t>(mean.size());
    Values<R> dz, dz_xhat;
    for (size_t i = 0; i < x.size(); ++i) {
      dz.push_back(activation_gradient(act, z(x, i), dy[i]));
      dz_xhat.push_back(dz[i] * xhat(x, i));
    }
    Gradients g{{}, column_sums(dz_xhat, c), column_sums(dz, c)};
    const R rows(static_cast<double>(x.size() / at(c)));
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t k = i % at(c);
      g.dx.push_back(gamma[k] / deviation(k) *
                     (dz[i] - g.dbeta[k] / rows - xhat(x, i) * (g.dgamma[k] / rows)));
    }
    return g;
  }
};

// Group norm of x [N, M, C], whose statistics are those of x. `addend` may be empty.
template <typename R>
struct GroupNorm {
  int64_t pictures, groups;
  Values<R> gamma, beta, addend;
  double epsilon;

  int64_t channels() const { return static_cast<int64_t>(gamma.size()); }
  size_t channel(size_t i) const { return i % gamma.size(); }
  // The number of value i's group among those of all pictures.
  size_t group(const Values<R>& x, size_t i) const {
    const size_t picture = i / (x.size() / at(pictures));
    return picture * at(groups) + channel(i) / at(channels() / groups);
  }

  Values<R> group_means(const Values<R>& values) const {
    Values<R> means(at(pictures * groups), R(0.0));
    for (size_t i = 0; i < values.size(); ++i) means[group(values, i)] += values[i];
    for (R& m : means) m = m / R(static_cast<double>(values.size() / means.size()));
    return means;
  }
  Values<R> mean(const Values<R>& x) const { return group_means(x); }
  Values<R> rstd(const Values<R>& x) const {
    using std::sqrt;
    const Values<R> means = mean(x);
    Values<R> squares;
    for (size_t i = 0; i < x.size(); ++i) {
      const R d = x[i] - means[group(x, i)];
      squares.push_back(d * d);
    }
    Values<R> result = group_means(squares);
    for (R& r : result) r = R(1.0) / sqrt(r + R(epsilon));
    return result;
  }
  Values<R> xhat(const Values<R>& x) const {
    const Values<R> means = mean(x), rstds = rstd(x);
    Values<R> result;
    for (size_t i = 0; i < x.size(); ++i) result.push_back((x[i] - means[group(x, i)]) * rstds[group(x, i)]);
    return result;
  }

  Values<R> forward(const Values<R>& x, Activation act) const {
    Values<R> y = xhat(x);
    for (size_t i = 0; i < y.size(); ++i) {
      const R z = gamma[channel(i)] * y[i] + beta[channel(i)];
      y[i] = activate(act, addend.empty() ? z : z + addend[i]);
    }
    return y;
  }

  struct Gradients {
    Values<R> dx, dgamma, dbeta, daddend;
  };
  // y gives the side of the kink.
  Gradients backward(const Values<R>& x, const Values<R>& y, Activation act, const Values<R>& dy) const {
    const Values<R> hats = xhat(x), rstds = rstd(x);
    Values<R> dz, dz_xhat, h, h_xhat;
    for (size_t i = 0; i < x.size(); ++i) {
      dz.push_back(activation_gradient(act, y[i], dy[i]));
      dz_xhat.push_back(dz[i] * hats[i]);
      h.push_back(gamma[channel(i)] * dz[i]);
      h_xhat.push_back(h[i] * hats[i]);
    }
    Gradients g{{}, column_sums(dz_xhat, channels()), column_sums(dz, channels()), dz};
    const Values<R> mean_h = group_means(h), mean_h_xhat = group_means(h_xhat);
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t k = group(x, i);
      g.dx.push_back(rstds[k] * (h[i] - mean_h[k] - hats[i] * mean_h_xhat[k]));
    }
    return g;
  }
};

// Calls f(index in x, index in w, index in y) for every product the convolution sums.
template <typename F>
void for_each_conv2d_product(const Conv2dShape& s, F&& f) {
  const auto [k, stride, pad, dilation] = s.window;
  const int64_t reach = dilation * (k - 1) + 1;
  const int64_t ho = (s.h + 2 * pad - reach) / stride + 1, wo = (s.w + 2 * pad - reach) / stride + 1;
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t i = 0; i < ho; ++i)
      for (int64_t j = 0; j < wo; ++j)
        for (int64_t o = 0; o < s.co; ++o)
          for (int64_t ky = 0; ky < k; ++ky)
            for (int64_t kx = 0; kx < k; ++kx) {
              const int64_t y = stride * i + dilation * ky - pad, x = stride * j + dilation * kx - pad;
              if (y < 0 || y >= s.h || x < 0 || x >= s.w) continue;
              for (int64_t c = 0; c < s.ci; ++c)
                f(at(((n * s.h + y) * s.w + x) * s.ci + c), at(((o * k + ky) * k + kx) * s.ci + c),
                  at(((n * ho + i) * wo + j) * s.co + o));
            }
}

template <typename R>
R reconstruction_loss(ReconstructionNorm norm, const Values<R>& fake, const Values<R>& hidden) {
  R sum(0.0);
  for (size_t i = 0; i < fake.size(); ++i) {
    const R d = fake[i] - hidden[i];
    sum += norm == ReconstructionNorm::kL2 ? d * d : absolute(d);
  }
  return sum / R(static_cast<double>(fake.size()));
}

template <typename R>
R total_variation(const Shape& s, const Values<R>& x) {
  const auto value = [&](int64_t n, int64_t i, int64_t j, int64_t c) {
    return x[at(((n * s[1] + i) * s[2] + j) * s[3] + c)];
  };
  R sum(0.0);
  for (int64_t n = 0; n < s[0]; ++n)
    for (int64_t i = 0; i < s[1]; ++i)
      for (int64_t j = 0; j < s[2]; ++j)
        for (int64_t c = 0; c < s[3]; ++c) {
          if (i + 1 < s[1]) sum += absolute(value(n, i + 1, j, c) - value(n, i, j, c));
          if (j + 1 < s[2]) sum += absolute(value(n, i, j + 1, c) - value(n, i, j, c));
        }
  return sum / R(static_cast<double>(s[0]));
}

// -z log(sigmoid) - (1 - z) log(1 - sigmoid), the definition: for moderate logits.
template <typename R>
R sigmoid_bce(const Values<R>& logits, double label) {
  using std::exp, std::log;
  R sum(0.0);
  for (const R& x : logits) {
    const R sigmoid = R(1.0) / (R(1.0) + exp(-x));
    sum += label == 1 ? -log(sigmoid) : -log(R(1.0) - sigmoid);
  }
  return sum / R(static_cast<double>(logits.size()));
}

}  // namespace inpaint::test::reference
