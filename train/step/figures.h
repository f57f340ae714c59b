// The figures of a run: what a step computed of a batch, and their sums and means.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace inpaint {

// The losses of one batch, or their means over several.
struct Losses {
  bool is_adversarial = true;  // false: there is no discriminator, and only rec_loss and gene_loss_ori count
  double rec_loss = 0, adv_gene_loss = 0, tv_loss = 0, gene_loss_ori = 0;
  double adv_disc_loss = 0, disc_loss_ori = 0, disc_acc = 0;
};

// A term of the generator's loss, and its part in what drives the generator: loss_shares.h.
struct LossShare {
  std::string_view term;
  double share;
};

// The gradients of one batch, for curves.
struct GradientFigures {
  double generator_norm = 0;  // before any clip, without the weight decay
  std::optional<double> discriminator_norm = std::nullopt;
  std::vector<LossShare> loss_shares;
};

// How like the target the painted holes are.
struct HoleQuality {
  std::optional<double> psnr;  // dB, mean over the pictures that are not perfect; no value when all are
  double ssim = 0;             // mean
  // dB over the harmonic fill of the same holes, mean over the pictures that neither paints perfectly. No
  // value where the model does not start from that fill.
  std::optional<double> gain = std::nullopt;
  int64_t with_psnr = 0, with_gain = 0;  // pictures that these means are over
};

// The figures of one batch of a validation, or their means over its batches.
struct ValidationFigures {
  Losses losses;
  HoleQuality quality;
};

// Sums over the steps of an epoch so far; their means are a line of loss_log.txt.
struct EpochSums {
  int64_t steps = 0;
  double rec_loss = 0, adv_gene_loss = 0, adv_disc_loss = 0, disc_acc = 0;

  void add(const Losses& losses) {
    ++steps;
    rec_loss += losses.rec_loss;
    adv_gene_loss += losses.adv_gene_loss;
    adv_disc_loss += losses.adv_disc_loss;
    disc_acc += losses.disc_acc;
  }
};

}  // namespace inpaint
