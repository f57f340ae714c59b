#include "train/step/adversary.h"

#include <algorithm>
#include <cmath>

#include "core/device/copy.h"
#include "core/ranks/ranks.h"
#include "kernels/loss/reconstruction_loss.h"
#include "kernels/parameter/sum_of_squares.h"
#include "kernels/picture/compose_hole.h"
#include "kernels/picture/picture_input.h"
#include "train/step/training_step.h"

namespace inpaint {
namespace {

Shape scores_of(const Network& discriminator, int64_t batch_size) {
  return discriminator.output_shapes(discriminator.in_shape(batch_size)).back();
}

int64_t workspace_bytes(const Context& ctx, const Network& discriminator, int64_t batch_size) {
  const Shape x = discriminator.in_shape(batch_size), pictures = pictures_of(discriminator, batch_size);
  int64_t bytes =
      std::max({sum_of_squares_workspace_bytes(ctx, pictures.elements()),
                sum_of_squares_workspace_bytes(ctx, scores_of(discriminator, batch_size).elements()),
                compose_hole_backward_workspace_bytes(ctx, pictures)});
  const std::vector<Shape> shapes = discriminator.output_shapes(x);
  for (const Value feature : patch_features(discriminator))
    bytes =
        std::max(bytes, reconstruction_loss_workspace_bytes(ctx, shapes[static_cast<size_t>(feature.node)]));
  return bytes;
}

}  // namespace

Shape pictures_of(const Network& network, int64_t batch_size) {
  const Shape x = network.in_shape(batch_size);
  return {x[0], x[1], x[2], x[3] - 1};
}

Adversary::Memory::Memory(const Network& discriminator, DType activation, int64_t batch_size) {
  const Shape x = discriminator.in_shape(batch_size), scores = scores_of(discriminator, batch_size);
  truth = arena.reserve(pictures_of(discriminator, batch_size), parameter_dtype(activation));
  x_true = arena.reserve(x, activation);
  x_painted = arena.reserve(x, activation);
  dx = arena.reserve(x, activation);
  patches = arena.reserve(scores, activation);
  dtrue = arena.reserve(scores, activation);
  dpainted = arena.reserve(scores, activation);
}

Adversary::Adversary(Context& ctx, const Model& model, int64_t batch_size, const StepOptions& options,
                     DeviceFigures& figures, Branch& weight_gradients)
    : ctx_(ctx),
      network_(model.discriminator),
      params_(model.discriminator_params),
      ranks_(options.ranks),
      rho_(options.texture),
      micro_batches_(options.micro_batches),
      figures_(figures),
      weight_gradients_(weight_gradients),
      learner_(ctx, network_, params_,
               {.adam = kDiscriminatorAdam, .weight_decay_rate = 0, .ranks = options.ranks}, batch_size,
               figures),
      true_pass_(ctx, network_, network_.in_shape(batch_size), params_.activation_dtype(),
                 Pass::Keep::kForBackward),
      painted_pass_(ctx, network_, network_.in_shape(batch_size), params_.activation_dtype(),
                    Pass::Keep::kForBackward),
      features_(patch_features(network_)),
      memory_(network_, params_.activation_dtype(), batch_size),
      real_(add_figure()),
      fake_(add_figure()),
      praised_(add_figure()),
      right_true_(add_figure()),
      right_painted_(add_figure()),
      unused_(add_figure()),
      patches_(figures.add(micro_batches_)),
      matching_(figures.add(std::ssize(features_) * micro_batches_)),
      reconstruction_squares_(figures.add(2 * micro_batches_)),
      adversarial_squares_(reconstruction_squares_ + micro_batches_),
      device_memory_(size_of(DType::kF64), ctx.device()),
      host_memory_(Buffer::staging(size_of(DType::kF64), ctx.device())),
      scale_(device_memory_.tensor({1}, DType::kF64)),
      host_scale_(host_memory_.tensor({1}, DType::kF64)) {
  memory_.arena.allocate(ctx.device());
  ctx.reserve_workspace(workspace_bytes(ctx, network_, batch_size));
}

void Adversary::set_ratio(double ratio) {
  ratio_ = ratio;
  is_ratio_due_ = false;
}

void Adversary::upload_scale() {
  *host_scale_.as<double>() = rho_ * ratio_;
  upload(ctx_, host_scale_, scale_);
}

void Adversary::note_step() {
  ++learner_.updates;
  is_ratio_due_ = true;
}

void Adversary::settle() {
  if (!is_ratio_due_) return;
  is_ratio_due_ = false;
  double reconstruction = 0, adversarial = 0;
  for (int m = 0; m < micro_batches_; ++m) {
    reconstruction += figures_.value(reconstruction_squares_ + m);
    adversarial += figures_.value(adversarial_squares_ + m);
  }
  if (!(reconstruction > 0 && adversarial > 0)) return;  // no ratio to learn from
  const double ratio = std::sqrt(reconstruction / adversarial);
  ratio_ = ratio_ == 0 ? ratio : kRatioDecay * ratio_ + (1 - kRatioDecay) * ratio;
}

void Adversary::look_at(const Tensor& images, const Tensor& mask, const Tensor& painted) {
  normalize_pictures(ctx_, images, tensor(memory_.truth));
  append_mask(ctx_, tensor(memory_.truth), mask, tensor(memory_.x_true));
  append_mask(ctx_, painted, mask, tensor(memory_.x_painted));
  hole_patches(ctx_, patch_field(), mask, tensor(memory_.patches));
}

void Adversary::forward() {
  network_.forward(ctx_, params_, tensor(memory_.x_true), Statistics::kBatch, true_pass_);
  network_.forward(ctx_, params_, tensor(memory_.x_painted), Statistics::kBatch, painted_pass_);
}

// Each picture is a batch of its own: its loss is the mean over its own patches.
void Adversary::add_verdicts(int m, int64_t pictures, HingeSide side, double weight, bool gradients,
                             std::vector<Hinge>& list) const {
  const bool is_true = side == HingeSide::kReal;
  const Tensor scores = is_true ? true_pass_.output() : painted_pass_.output();
  const Tensor dscores = tensor(is_true ? memory_.dtrue : memory_.dpainted);
  const int loss = is_true ? real_ : side == HingeSide::kFake ? fake_ : praised_;
  const int right = is_true ? right_true_ : side == HingeSide::kFake ? right_painted_ : unused_;
  for (int64_t i = 0; i < pictures; ++i) {
    const int place = static_cast<int>(m * this->pictures() + i);
    list.push_back({part_of(scores, i, 1), side,
                    weight / static_cast<double>(this->pictures() * micro_batches_),
                    figures_.tensor(loss + place), figures_.tensor(right + place),
                    gradients ? part_of(dscores, i, 1) : Tensor{},
                    is_true ? Tensor{} : part_of(tensor(memory_.patches), i, 1)});
  }
}

void Adversary::judge(int m) {
  forward();
  std::vector<Hinge> verdicts;
  add_verdicts(m, pictures(), HingeSide::kReal, 0.5, true, verdicts);
  add_verdicts(m, pictures(), HingeSide::kFake, 0.5, true, verdicts);
  hinge(ctx_, verdicts);
  sum_of_squares(ctx_, tensor(memory_.patches), figures_.tensor(patches_ + m));  // their number
  BackwardWatcher* watcher = m + 1 == micro_batches_ ? learner_.watcher() : nullptr;
  network_.backward(ctx_, params_, tensor(memory_.dtrue), nullptr,
                    {ParameterGrads::sum_from(m), nullptr, &weight_gradients_}, true_pass_);
  network_.backward(ctx_, params_, tensor(memory_.dpainted), nullptr,
                    {ParameterGrads::kAccumulate, nullptr, &weight_gradients_, watcher}, painted_pass_);
}

// The power method makes one step for each update of D: all passes of a step that D's weights stay the same
// for divide by the same norm.
void Adversary::update() {
  learner_.apply(ctx_, learner_.update(0, nullptr), 0);
  network_.update_running(ctx_, params_, painted_pass_);
}

// What the painted pictures' feature differs by, with the share of the batch that a micro-batch is.
void Adversary::match_feature(int m, size_t feature, int64_t pictures, const Tensor* gradient) const {
  const double weight = kFeatureWeight / static_cast<double>(std::ssize(features_) * micro_batches_);
  const auto place = static_cast<int>(feature) * micro_batches_ + m;
  reconstruction_loss(ctx_, ReconstructionNorm::kL1,
                      first_of(painted_pass_.output_of(features_[feature]), pictures),
                      first_of(true_pass_.output_of(features_[feature]), pictures), weight,
                      figures_.tensor(matching_ + place), gradient, GradMode::kAccumulate);
}

void Adversary::backward_to_pictures(int m) {
  forward();
  std::vector<Hinge> verdicts;
  add_verdicts(m, pictures(), HingeSide::kPraised, 1, true, verdicts);
  hinge(ctx_, verdicts);
  std::vector<GradientTap> taps;
  for (size_t i = 0; i < features_.size(); ++i)
    taps.push_back(
        {features_[i], [this, m, i](const Tensor& gradient) { match_feature(m, i, pictures(), &gradient); }});
  const Tensor dx = tensor(memory_.dx);
  network_.backward(ctx_, params_, tensor(memory_.dpainted), &dx, ParameterGrads::kSkip, painted_pass_, taps);
}

void Adversary::add_gradient(int m, const Tensor& mask, const Tensor& dresidual) {
  backward_to_pictures(m);
  sum_of_squares(ctx_, dresidual, figures_.tensor(reconstruction_squares_ + m));
  compose_hole_backward(ctx_, tensor(memory_.dx), mask, scale_, dresidual,
                        figures_.tensor(adversarial_squares_ + m));
}

// The whole batch's squares are the sums over the ranks; their means have the same ratio.
void Adversary::complete() {
  if (ranks_ != nullptr) ranks_->mean(figures_.tensor(reconstruction_squares_, 2 * micro_batches_));
}

void Adversary::gradient_alone(int m, const Tensor& mask, const Tensor& dresidual) {
  backward_to_pictures(m);
  compose_hole_backward(ctx_, tensor(memory_.dx), mask, scale_, dresidual);
}

void Adversary::watch(int m, int64_t pictures) {
  forward();
  std::vector<Hinge> verdicts;
  for (const HingeSide side : {HingeSide::kReal, HingeSide::kFake, HingeSide::kPraised})
    add_verdicts(m, pictures, side, 0, false, verdicts);
  hinge(ctx_, verdicts);
  sum_of_squares(ctx_, first_of(tensor(memory_.patches), pictures), figures_.tensor(patches_ + m));
  for (size_t i = 0; i < features_.size(); ++i) match_feature(m, i, pictures, nullptr);
}

void Adversary::add_losses(int64_t pictures, Losses& l) const {
  const auto mean = [&](int place) { return figures_.mean(place, pictures, 1); };
  const auto sum = [&](int place) { return figures_.sum(place, pictures, 1); };
  double matching = 0;
  for (int i = 0; i < static_cast<int>(features_.size()); ++i)
    matching += figures_.mean(matching_ + i * micro_batches_, pictures, this->pictures()) /
                static_cast<double>(features_.size());
  const Shape scores = true_pass_.output().shape;
  const double all = static_cast<double>(pictures * scores[1] * scores[2]);
  const double seeing = figures_.sum(patches_, pictures, this->pictures());
  l.is_adversarial = true;
  l.adv_gene_loss = mean(praised_) + kFeatureWeight * matching;
  l.gene_loss_ori = l.rec_loss + *host_scale_.as<double>() * l.adv_gene_loss;
  l.disc_loss_ori = l.adv_disc_loss = (mean(real_) + mean(fake_)) / 2;
  l.disc_acc = (sum(right_true_) / all + (seeing > 0 ? sum(right_painted_) / seeing : 0)) / 2;
}

int64_t Adversary::bytes() const {
  return true_pass_.bytes() + painted_pass_.bytes() + memory_.arena.planned_bytes();
}

int64_t Adversary::planned_bytes(const Network& discriminator, DType activation, int64_t batch_size) {
  return 2 * Pass::planned_bytes(discriminator, discriminator.in_shape(batch_size), activation,
                                 Pass::Keep::kForBackward) +
         Memory(discriminator, activation, batch_size).arena.planned_bytes();
}

// Two passes in front of D's update and two behind it; two backwards for D's weights and one for the picture.
// A backward has as many products for the weights' gradients as for the inputs', and the first layer's input
// has none where nobody asks for it.
int64_t Adversary::product_flop(const Network& discriminator, int64_t batch_size) {
  const Shape x = discriminator.in_shape(batch_size);
  const int64_t forward = discriminator.product_flop(x),
                first = discriminator.nodes().front().layer->product_flop(x);
  return 4 * forward + 2 * (2 * forward - first) + forward;
}

}  // namespace inpaint
