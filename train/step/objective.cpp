#include "train/step/objective.h"

#include <algorithm>
#include <cmath>

#include "kernels/loss/sigmoid_bce.h"
#include "kernels/loss/total_variation.h"
#include "kernels/parameter/sum_of_squares.h"

namespace inpaint {

Objective::Objective(Context& ctx, const StepOptions& options, const Shape& hidden, DeviceFigures& figures)
    : options_(options),
      figures_(figures),
      rec_(figures.add()),
      tv_(figures.add()),
      gene_(figures.add()),
      real_(figures.add()),
      fake_(figures.add()),
      correct_real_(figures.add()),
      correct_fake_(figures.add()),
      unused_(figures.add()),
      adversarial_squares_(figures.add()),
      image_squares_(figures.add()) {
  ctx.reserve_workspace(std::max({reconstruction_loss_workspace_bytes(ctx, hidden),
                                  total_variation_workspace_bytes(ctx, hidden),
                                  sum_of_squares_workspace_bytes(ctx, hidden.elements())}));
}

// The mean over 2N scores is half the sum of the two means over N.
void Objective::judge_real(const Context& ctx, const Tensor& real_scores, const Tensor& dscore) const {
  const Verdict real = {real_scores, Side::kReal, options_.lamb_adv / 2, real_, correct_real_, dscore};
  judge(ctx, {&real, 1});
}

void Objective::judge_fake(const Context& ctx, const Tensor& fake_scores, const Tensor& dscore) const {
  const Verdict fake = {fake_scores, Side::kFake, options_.lamb_adv / 2, fake_, correct_fake_, dscore};
  judge(ctx, {&fake, 1});
}

void Objective::judge(const Context& ctx, const Tensor& real_scores, const Tensor& fake_scores,
                      const Tensor& dscore) const {
  const Verdict all[] = {{real_scores, Side::kReal, 0, real_, correct_real_, {}},
                         {fake_scores, Side::kFake, 0, fake_, correct_fake_, {}},
                         {fake_scores, Side::kPraised, options_.lamb_adv, gene_, unused_, dscore}};
  judge(ctx, all);
}

void Objective::judge(const Context& ctx, std::span<const Verdict> verdicts) const {
  SigmoidBce entropies[3];
  Hinge hinges[3];
  size_t count = 0;
  for (const Verdict& v : verdicts) {
    const Tensor loss = figures_.tensor(v.loss), correct = figures_.tensor(v.correct);
    hinges[count] = {v.scores, v.side, v.weight, loss, correct, v.dscore};
    const double label = v.side == Side::kFake ? 0 : 1;
    entropies[count++] = {v.scores, label, v.weight, loss, correct, v.dscore};
  }
  if (options_.adversarial == AdversarialLoss::kHinge)
    hinge(ctx, {hinges, count});
  else
    sigmoid_bce(ctx, {entropies, count});
}

void Objective::paint(const Context& ctx, const Tensor& fake, const Tensor& hidden,
                      const Tensor* dfake) const {
  if (dfake != nullptr) sum_of_squares(ctx, *dfake, figures_.tensor(adversarial_squares_));
  reconstruction_loss(ctx, options_.norm, fake, hidden, options_.lamb_rec, figures_.tensor(rec_), dfake,
                      GradMode::kAccumulate);
  total_variation(ctx, fake, options_.lamb_tv, figures_.tensor(tv_), dfake, GradMode::kAccumulate);
  if (dfake != nullptr) sum_of_squares(ctx, *dfake, figures_.tensor(image_squares_));
}

Losses Objective::losses(int64_t pictures) const {
  const auto value = [&](int place) { return figures_.value(place); };
  Losses l;
  l.rec_loss = value(rec_);
  l.adv_gene_loss = value(gene_);
  l.tv_loss = value(tv_);
  l.gene_loss_ori =
      options_.lamb_adv * l.adv_gene_loss + options_.lamb_rec * l.rec_loss + options_.lamb_tv * l.tv_loss;
  l.adv_disc_loss = (value(real_) + value(fake_)) / 2;
  l.disc_loss_ori = options_.lamb_adv * l.adv_disc_loss;
  l.disc_acc = (value(correct_real_) + value(correct_fake_)) / static_cast<double>(2 * pictures);
  return l;
}

double Objective::adversarial_share() const {
  const double whole = figures_.value(image_squares_);
  return whole > 0 ? std::sqrt(figures_.value(adversarial_squares_) / whole) : 0;
}

}  // namespace inpaint
