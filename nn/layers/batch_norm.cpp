#include "nn/layers/batch_norm.h"

#include <algorithm>
#include <vector>

#include "core/ranks/ranks.h"
#include "kernels/channel/batch_norm.h"

namespace inpaint {
namespace {

// The values of all ranks, one rank's behind the other's, in the host's memory.
std::vector<double> gathered(Ranks& ranks, const std::vector<double>& mine) {
  std::vector<double> all(mine.size() * static_cast<size_t>(ranks.count()));
  ranks.gather(mine.data(), static_cast<int64_t>(mine.size() * sizeof(double)), all.data());
  return all;
}

void add_over_ranks(Ranks& ranks, const Tensor& sums) {
  if (sums.device == Device::kCuda) return ranks.device()->sum(sums.reshaped({sums.elements()}));
  auto* const values = sums.as<double>();
  const auto n = static_cast<size_t>(sums.elements());
  const std::vector<double> all = gathered(ranks, {values, values + n});
  std::fill_n(values, n, 0.0);
  for (size_t i = 0; i < all.size(); ++i) values[i % n] += all[i];
}

// Means and variances over as many rows of each rank: those of all rows.
void merge_over_ranks(Ranks& ranks, const Tensor& mean, const Tensor& variance) {
  if (mean.device == Device::kCuda) return ranks.device()->merge_statistics(mean, variance);
  visit_real(mean.dtype, [&]<typename T>(T) {
    T *const means = mean.as<T>(), *const variances = variance.as<T>();
    const auto channels = static_cast<size_t>(mean.elements());
    std::vector<double> mine(means, means + channels);
    mine.insert(mine.end(), variances, variances + channels);
    const std::vector<double> all = gathered(ranks, mine);
    const double share = 1.0 / ranks.count();
    for (size_t c = 0; c < channels; ++c) {
      double middle = 0, spread = 0;
      for (size_t i = c; i < all.size(); i += 2 * channels) middle += all[i] * share;
      for (size_t i = c; i < all.size(); i += 2 * channels) {
        const double off = all[i] - middle;
        spread += (all[i + channels] + off * off) * share;
      }
      means[c] = static_cast<T>(middle);
      variances[c] = static_cast<T>(spread);
    }
  });
}

}  // namespace

BatchNorm::BatchNorm(ParameterSpec& spec, const std::string& name, int64_t channels, Activation activation,
                     Bias bias)
    : Layer(name),
      channels_(channels),
      activation_(activation),
      bias_(bias == Bias::kPerChannel
                ? std::optional(spec.other(name + ".bias", {channels}, InitialValues::kZero))
                : std::nullopt),
      gamma_(spec.other(name + ".bn.weight", {channels}, InitialValues::kOne)),
      beta_(spec.other(name + ".bn.bias", {channels}, InitialValues::kZero)),
      running_mean_(spec.running(name + ".bn.running_mean", {channels}, InitialValues::kZero)),
      running_variance_(spec.running(name + ".bn.running_var", {channels}, InitialValues::kOne)) {}

Shape BatchNorm::out_shape(const Shape& x) const {
  if (x.rank() < 2 || x.back() != channels_)
    throw ShapeError(fmt::format("{}: expected [..., {}], got {}", name(), channels_, to_string(x)));
  return x;
}

std::vector<Shape> BatchNorm::saved_shapes(const Shape&) const { return {{channels_}, {channels_}}; }

int64_t BatchNorm::workspace_bytes(const Context& ctx, const Shape& x, DType) const {
  return batch_norm_workspace_bytes(ctx, x);
}

void BatchNorm::forward(const Context& ctx, const Parameters& params, const LayerForward& pass) const {
  const Tensor gamma = params.value(gamma_), beta = params.value(beta_);
  if (pass.statistics == Statistics::kRunning) {
    const Tensor bias = bias_ ? params.value(*bias_) : Tensor{};
    batch_norm_inference(ctx, pass.x, bias_ ? &bias : nullptr, params.value(running_mean_),
                         params.value(running_variance_), gamma, beta, kEpsilon, activation_, pass.y);
    return;
  }
  const Tensor &mean = pass.saved[0], &variance = pass.saved[1];
  batch_norm_statistics(ctx, pass.x, mean, variance);
  if (pass.ranks != nullptr) merge_over_ranks(*pass.ranks, mean, variance);
  batch_norm_forward(ctx, pass.x, mean, variance, gamma, beta, kEpsilon, activation_, pass.y);
}

void BatchNorm::backward(const Context& ctx, const Parameters& params, const LayerBackward& pass) const {
  INPAINT_CHECK(pass.dx.data != nullptr, "{}: a batch norm is never the first layer", name());
  BatchNormGrads param_grads;
  Tensor dgamma, dbeta;
  if (!pass.grads.skipped()) {
    dgamma = params.grad(gamma_);
    dbeta = params.grad(beta_);
    // A bias's gradient is exactly 0, and its place in the array was zeroed when it was allocated.
    param_grads = {&dgamma, &dbeta, pass.grads.grad_mode()};
  }
  const Tensor gamma = params.value(gamma_), beta = params.value(beta_);
  if (pass.ranks == nullptr)
    return batch_norm_backward(ctx, pass.x, pass.saved[0], pass.saved[1], gamma, beta, kEpsilon, activation_,
                               pass.dy, pass.dx, param_grads);
  std::vector<double> values;
  Tensor sums;
  if (ctx.device() == Device::kCuda) {
    sums = pass.ranks->device()->room_for_sums(2 * channels_).reshaped({2, channels_});
  } else {
    values.resize(static_cast<size_t>(2 * channels_));
    sums = {{2, channels_}, DType::kF64, Device::kCpu, values.data()};
  }
  batch_norm_gradient_sums(ctx, pass.x, pass.saved[0], pass.saved[1], gamma, beta, kEpsilon, activation_,
                           pass.dy, sums, param_grads);
  add_over_ranks(*pass.ranks, sums);
  batch_norm_data_gradient(ctx, pass.x, pass.saved[0], pass.saved[1], gamma, beta, kEpsilon, activation_,
                           pass.dy, sums, pass.ranks->count() * pass.x.shape.rows(), pass.dx);
}

void BatchNorm::add_running_update(const Parameters& params, std::span<const Tensor> saved,
                                   std::vector<RunningUpdate>& list) const {
  list.push_back({saved[0], saved[1], bias_ ? params.value(*bias_) : Tensor{}, kDecay,
                  params.value(running_mean_), params.value(running_variance_)});
}

}  // namespace inpaint
