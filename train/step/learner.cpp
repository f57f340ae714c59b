#include "train/step/learner.h"

#include <algorithm>
#include <cmath>

#include "core/device/copy.h"
#include "kernels/parameter/sum_of_squares.h"

namespace inpaint {
namespace {

// Biases and batch-norm parameters: what stands behind the weights in the array of all.
Tensor other_values(const Parameters& params) {
  const int64_t weights = params.spec().elements(ParameterId::Kind::kWeight);
  return params.values().slice(weights, params.spec().elements(ParameterId::Kind::kOther));
}

}  // namespace

Learner::Learner(Context& ctx, const Network& network, const Parameters& params, const AdamOptions& options,
                 int updates_per_step, int64_t batch, DeviceFigures& figures)
    : params_(params),
      options_(options),
      updates_per_step_(updates_per_step),
      figures_(figures),
      half_squares_(figures.add(static_cast<int64_t>(params.pieces().size()))),
      others_(figures.add()),
      checked_(figures.add()) {
  const auto weights = static_cast<double>(network.spec().list(ParameterId::Kind::kWeight).size());
  options_.weight_decay = kWeightDecayRate / weights;
  const int64_t rates = std::max(1, updates_per_step);
  device_memory_ = Buffer(rates * size_of(DType::kF64), ctx.device());
  host_memory_ = Buffer::staging(rates * size_of(DType::kF64), ctx.device());
  rates_ = device_memory_.tensor({rates}, DType::kF64);
  host_rates_ = host_memory_.tensor({rates}, DType::kF64);

  const int64_t parameters = network.spec().parameters();
  ctx.reserve_workspace(
      std::max(sum_of_squares_workspace_bytes(ctx, parameters), adam_workspace_bytes(ctx, parameters)));
  if (ctx.device() == Device::kCpu)  // on a GPU the branch has workspace of its own
    ctx.reserve_workspace(FusedAdam::workspace_bytes(ctx, network.spec(), batch, params.activation_dtype()));
}

void Learner::upload_rates(const Context& ctx) {
  for (int i = 0; i < updates_per_step_; ++i)
    host_rates_.as<double>()[i] = adam_rate(options_, updates + i + 1);
  upload(ctx, host_rates_, rates_);
}

FusedAdam Learner::update(int i, Branch* branch) const {
  const auto pieces = static_cast<int64_t>(params_.pieces().size());
  return {params_, options_, rates_.slice(i, 1), figures_.tensor(half_squares_, pieces), branch};
}

void Learner::apply(const Context& ctx, const FusedAdam& update) const {
  update.apply_stored(ctx);
  sum_of_squares(ctx, other_values(params_), figures_.tensor(others_));
}

double Learner::decay_loss() const {
  double half_squares = 0;
  for (size_t i = 0; i < params_.pieces().size(); ++i)
    half_squares += figures_.value(half_squares_ + static_cast<int>(i));
  return options_.weight_decay * half_squares;
}

bool Learner::is_finite() const {
  return std::isfinite(decay_loss()) && std::isfinite(figures_.value(others_));
}

bool Learner::is_state_finite(const Context& ctx) const {
  const auto finite = [&](const Tensor& values) {
    sum_of_squares(ctx, values, figures_.tensor(checked_));
    figures_.read_back();
    figures_.wait();
    return std::isfinite(figures_.value(checked_));
  };
  if (!finite(params_.values()) || !finite(params_.moments1()) || !finite(params_.moments2())) return false;
  const auto kind = ParameterId::Kind::kRunning;
  for (size_t i = 0; i < params_.spec().list(kind).size(); ++i)
    if (!finite(params_.value({kind, i}))) return false;
  return true;
}

}  // namespace inpaint
