#include "train/step/objective.h"

#include <algorithm>
#include <cmath>

#include "kernels/loss/sigmoid_bce.h"
#include "kernels/loss/total_variation.h"
#include "kernels/parameter/sum_of_squares.h"

namespace inpaint {

Objective::Objective(Context& ctx, const StepOptions& options, const Shape& hidden, DeviceFigures& figures)
    : options_(options),
      pictures_(hidden[0]),
      figures_(figures),
      rec_(add_figure()),
      tv_(add_figure()),
      gene_(add_figure()),
      real_(add_figure()),
      fake_(add_figure()),
      correct_real_(add_figure()),
      correct_fake_(add_figure()),
      unused_(add_figure()),
      adversarial_squares_(add_figure()),
      image_squares_(add_figure()) {
  ctx.reserve_workspace(std::max({reconstruction_loss_workspace_bytes(ctx, hidden),
                                  total_variation_workspace_bytes(ctx, hidden),
                                  sum_of_squares_workspace_bytes(ctx, hidden.elements())}));
}

// The mean over 2N scores is half the sum of the two means over N.
void Objective::judge_real(const Context& ctx, int m, const Tensor& real_scores, const Tensor& dscore) const {
  const Verdict real = {real_scores, Side::kReal, options_.lamb_adv / 2, real_, correct_real_, dscore};
  judge(ctx, m, {&real, 1});
}

void Objective::judge_fake(const Context& ctx, int m, const Tensor& fake_scores, const Tensor& dscore) const {
  const Verdict fake = {fake_scores, Side::kFake, options_.lamb_adv / 2, fake_, correct_fake_, dscore};
  judge(ctx, m, {&fake, 1});
}

void Objective::judge(const Context& ctx, int m, const Tensor& real_scores, const Tensor& fake_scores,
                      const Tensor& dscore) const {
  const Verdict all[] = {{real_scores, Side::kReal, 0, real_, correct_real_, {}},
                         {fake_scores, Side::kFake, 0, fake_, correct_fake_, {}},
                         {fake_scores, Side::kPraised, options_.lamb_adv, gene_, unused_, dscore}};
  judge(ctx, m, all);
}

void Objective::judge(const Context& ctx, int m, std::span<const Verdict> verdicts) const {
  SigmoidBce entropies[3];
  Hinge hinges[3];
  size_t count = 0;
  for (const Verdict& v : verdicts) {
    const Tensor loss = figures_.tensor(v.loss + m), correct = figures_.tensor(v.correct + m);
    const double label = v.side == Side::kFake ? 0 : 1, weight = v.weight / options_.micro_batches;
    hinges[count] = {v.scores, v.side, weight, loss, correct, v.dscore};
    entropies[count++] = {v.scores, label, weight, loss, correct, v.dscore};
  }
  if (options_.adversarial == AdversarialLoss::kHinge)
    hinge(ctx, {hinges, count});
  else
    sigmoid_bce(ctx, {entropies, count});
}

void Objective::paint(const Context& ctx, int m, const Tensor& fake, const Tensor& hidden,
                      const Tensor* dfake) const {
  const int count = options_.micro_batches;
  if (dfake != nullptr) sum_of_squares(ctx, *dfake, figures_.tensor(adversarial_squares_ + m));
  reconstruction_loss(ctx, options_.norm, fake, hidden, options_.lamb_rec / count, figures_.tensor(rec_ + m),
                      dfake, GradMode::kAccumulate);
  total_variation(ctx, fake, options_.lamb_tv / count, figures_.tensor(tv_ + m), dfake,
                  GradMode::kAccumulate);
  if (dfake != nullptr) sum_of_squares(ctx, *dfake, figures_.tensor(image_squares_ + m));
}

void Objective::reconstruction_gradient(const Context& ctx, const Tensor& fake, const Tensor& hidden,
                                        const Tensor& dfake) const {
  reconstruction_loss(ctx, options_.norm, fake, hidden, options_.lamb_rec / options_.micro_batches,
                      figures_.tensor(unused_), &dfake, GradMode::kOverwrite);
}

void Objective::variation_gradient(const Context& ctx, const Tensor& fake, const Tensor& dfake) const {
  total_variation(ctx, fake, options_.lamb_tv / options_.micro_batches, figures_.tensor(unused_), &dfake,
                  GradMode::kOverwrite);
}

Losses Objective::losses(int64_t pictures) const {
  const auto mean = [&](int place) { return figures_.mean(place, pictures, pictures_); };
  const auto sum = [&](int place) { return figures_.sum(place, pictures, pictures_); };
  Losses l;
  l.rec_loss = mean(rec_);
  l.adv_gene_loss = mean(gene_);
  l.tv_loss = mean(tv_);
  l.gene_loss_ori =
      options_.lamb_adv * l.adv_gene_loss + options_.lamb_rec * l.rec_loss + options_.lamb_tv * l.tv_loss;
  l.adv_disc_loss = (mean(real_) + mean(fake_)) / 2;
  l.disc_loss_ori = options_.lamb_adv * l.adv_disc_loss;
  l.disc_acc = (sum(correct_real_) + sum(correct_fake_)) / static_cast<double>(2 * pictures);
  return l;
}

double Objective::adversarial_share() const {
  const auto sum = [&](int place) {
    return figures_.sum(place, options_.micro_batches * pictures_, pictures_);
  };
  const double whole = sum(image_squares_);
  return whole > 0 ? std::sqrt(sum(adversarial_squares_) / whole) : 0;
}

}  // namespace inpaint
