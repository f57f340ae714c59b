// The text a run leaves and prints: the lines of the source program, and one JSON object a step.
#pragma once

#include <cstdint>
#include <string>

#include "core/device/tensor.h"
#include "train/step/figures.h"

namespace inpaint {

// "Epoch:%4d, rec_loss:%2.8f, gene_loss: %2.8f, disc_loss: %2.8f, disc_acc: %2.8f": the epoch's means,
// for loss_log.txt.
std::string loss_log_line(int64_t epoch, const EpochSums& sums);

// "[Getting Sample...] rec_loss:..., psnr: ..., ssim: ..."; a batch painted perfectly has no PSNR: "perfect".
std::string sample_line(const Losses& losses, const HoleQuality& quality);

// "rec_loss:..., gene_loss: ..., disc_loss: ..., disc_acc: ..., psnr: ..., ssim: ...": validation's figures.
std::string validation_text(const Losses& losses, const HoleQuality& quality);

// One line of validation_log.jsonl, without the newline: step (the steps done), epoch, rec_loss,
// adv_gene_loss, adv_disc_loss, disc_acc, psnr (null when every picture is perfect), ssim, gain (dB
// over the harmonic fill; null for a context encoder), best (is it the best so far?). Means over the batches.
// Without a discriminator the adversarial losses and disc_acc are 0.
struct ValidationRecord {
  int64_t step = 0, epoch = 0;
  ValidationFigures figures = {};
  bool best = false;
};
std::string validation_log_line(const ValidationRecord& record);

// The same for people: "[Validation] rec_loss:..., ssim: ..., the best so far".
std::string validation_line(const ValidationRecord& record);

// One line of train_log.jsonl, without the newline:
//   step (from 1), epoch, batch, rec_loss, adv_gene_loss, tv_loss, gene_loss_ori, gene_decay_loss,
//   adv_disc_loss, disc_loss_ori, disc_decay_loss, disc_acc, learning_rate_gene, learning_rate_disc,
//   images_per_second
// and, where offsets is not null, offsets: [[row, column], ...]. A loss that is not finite is null.
struct StepRecord {
  int64_t step = 0, epoch = 0, batch = 0;
  Losses losses = {};
  double gene_decay_loss = 0, disc_decay_loss = 0;
  double learning_rate_gene = 0, learning_rate_disc = 0, images_per_second = 0;
};
std::string train_log_line(const StepRecord& record, const Tensor* offsets);

}  // namespace inpaint
