#include "train/learner/learner.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/device/copy.h"
#include "kernels/parameter/adaptive_clip.h"
#include "kernels/parameter/moving_average.h"
#include "kernels/parameter/sum_of_squares.h"

namespace inpaint {
namespace {

// Biases and batch-norm parameters: what stands behind the weights in the array of all.
Tensor other_values(const Parameters& params) {
  const int64_t weights = params.spec().elements(ParameterId::Kind::kWeight);
  return params.values().slice(weights, params.spec().elements(ParameterId::Kind::kOther));
}

}  // namespace

Learner::Learner(Context& ctx, const Network& network, const Parameters& params,
                 const LearnerOptions& options, int64_t batch, DeviceFigures& figures,
                 const Parameters* averages)
    : params_(params),
      averages_(averages),
      options_(options),
      figures_(figures),
      learning_rate_(options.adam.learning_rate),
      half_squares_(figures.add(static_cast<int64_t>(params.pieces().size()))),
      others_(figures.add()),
      checked_(figures.add()),
      gradient_squares_(figures.add(GradientNorm::count(params))),
      clip_mean_(figures.add()),
      clip_scale_(figures.add()) {
  if (options.ranks != nullptr && params.use() == Parameters::Use::kTraining)
    exchange_ = std::make_unique<GradientExchange>(network, params, *options.ranks);
  const auto weights = static_cast<double>(network.spec().list(ParameterId::Kind::kWeight).size());
  options_.adam.weight_decay = options.weight_decay_rate / weights;
  const int64_t rates = 2 * std::max(1, options.updates_per_step);
  device_memory_ = Buffer(rates * size_of(DType::kF64), ctx.device());
  host_memory_ = Buffer::staging(rates * size_of(DType::kF64), ctx.device());
  rates_ = device_memory_.tensor({rates}, DType::kF64);
  host_rates_ = host_memory_.tensor({rates}, DType::kF64);

  const int64_t parameters = network.spec().parameters();
  ctx.reserve_workspace(
      std::max(sum_of_squares_workspace_bytes(ctx, parameters), adam_workspace_bytes(ctx, parameters)));
  ctx.reserve_workspace(GradientNorm::workspace_bytes(ctx, params, batch));
  if (ctx.device() == Device::kCpu)  // on a GPU the branch has workspace of its own
    ctx.reserve_workspace(FusedAdam::workspace_bytes(ctx, network.spec(), batch, params.activation_dtype()));
}

double Learner::clip_mean() const { return figures_.value(clip_mean_); }

void Learner::set_clip_mean(double mean) { figures_.set(clip_mean_, mean); }

void Learner::follow(const AdamOptions& adam, const RateSchedule& schedule) {
  const double weight_decay = options_.adam.weight_decay;
  options_.adam = adam;
  options_.adam.weight_decay = weight_decay;
  options_.schedule = schedule;
}

void Learner::upload_rates(const Context& ctx, double progress) {
  const int count = options_.updates_per_step;
  auto* rates = host_rates_.as<double>();
  for (int i = 0; i < count; ++i) {
    const int64_t update = updates + i + 1;
    const double share = options_.schedule.share(update, progress);
    learning_rate_ = options_.adam.learning_rate * share;
    rates[i] = adam_rate(options_.adam, update) * share;
    rates[count + i] = moving_average_rate(options_.average_decay, update - 1);
  }
  upload(ctx, host_rates_, rates_);
}

FusedAdam Learner::update(int i, Branch* branch) const {
  const auto pieces = static_cast<int64_t>(params_.pieces().size());
  return {params_, options_.adam, rates_.slice(i, 1), figures_.tensor(half_squares_, pieces), branch};
}

void Learner::apply(const Context& ctx, const FusedAdam& update, int i) const {
  if (exchange_ != nullptr) exchange_->finish();
  if (options_.adaptive_clip) {
    const Tensor squares = figures_.tensor(gradient_squares_), scale = figures_.tensor(clip_scale_);
    sum_of_squares(ctx, params_.grads(), squares);
    adaptive_clip(ctx, squares, figures_.tensor(clip_mean_), scale);
    update.apply_stored(ctx, &scale);
  } else {
    update.apply_stored(ctx, nullptr);
  }
  if (averages_ != nullptr)
    moving_average(ctx, rates_.slice(options_.updates_per_step + i, 1), params_.values(),
                   averages_->values());
  sum_of_squares(ctx, other_values(params_), figures_.tensor(others_));
}

double Learner::gradient_norm() const {
  std::vector<double> squares;
  for (int i = 0; i < static_cast<int>(GradientNorm::count(params_)); ++i)
    squares.push_back(figures_.value(gradient_squares_ + i));
  return GradientNorm::of(squares);
}

GradientNorm Learner::norm_sink() const {
  return {params_, figures_.tensor(gradient_squares_, GradientNorm::count(params_))};
}

void Learner::measure(const Context& ctx, const GradientNorm& sink) const {
  if (exchange_ != nullptr) exchange_->finish();
  sink.add_stored(ctx);
}

double Learner::decay_loss() const {
  double half_squares = 0;
  for (size_t i = 0; i < params_.pieces().size(); ++i)
    half_squares += figures_.value(half_squares_ + static_cast<int>(i));
  return options_.adam.weight_decay * half_squares;
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
