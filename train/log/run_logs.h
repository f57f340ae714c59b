// The logs of a training run, in its log folder: loss_log.txt (a line per epoch), train_log.jsonl (an object
// per step), validation_log.jsonl (an object per validation) and TensorBoard's event files. A run that goes
// on from a step first cuts what lies behind it, so the logs have no gaps and nothing twice.
#pragma once

#include <filesystem>

#include "train/checkpoint/run_state.h"
#include "train/log/event_log.h"
#include "train/log/line_log.h"
#include "train/log/run_text.h"
#include "train/settings/settings.h"

namespace inpaint {

// Whether the step gets a summary: every `interval` steps. An interval of 0 is 100, in the first hundred
// steps 10, and in the first ten 1, so that short runs have curves too.
bool summary_is_due(int64_t step, int64_t interval);

class RunLogs {
 public:
  // For a run that goes on at `state`. Within an epoch, the validation of its last step is still to come.
  RunLogs(const std::filesystem::path& folder, const RunState& state);

  // The settings of the run, as the text `settings` at the step it goes on from, and as the run's row of the
  // page HPARAMS (hparams.h); complete() ends that row.
  void settings(const TrainSettings& settings);
  void complete(int64_t step);

  void epoch(int64_t epoch, const EpochSums& sums);

  // A line; for a step that has a summary also scalars under the line's names: learning_rate_gene,
  // images_per_second, and with a discriminator learning_rate_disc, tv_loss, disc_loss_ori, gene_decay_loss
  // and disc_decay_loss.
  void step(const StepRecord& record, const Tensor* offsets);

  // The source program's tags: disc_acc, rec_loss, adv_gene_loss (= gene_loss_ori), gene_loss (=
  // adv_gene_loss) and disc_loss (= adv_disc_loss), histograms gene_score (fake) and disc_score (real, then
  // fake). Scores of any shape, in the host's memory.
  void summary(int64_t step, const Losses& losses, const Tensor& real_scores, const Tensor& fake_scores);

  // Scalars gradient_norm/generator and, with a discriminator, /discriminator; loss_share/<term>.
  void gradients(int64_t step, const GradientFigures& figures);

  // A sample as the bytes of a PNG file: the image sample/<shows>.
  void sample(int64_t step, std::string_view shows, int64_t height, int64_t width, int64_t channels,
              std::span<const uint8_t> png);

  // A line, and scalars validate/rec_loss, /ssim and, where there is one, /psnr and /gain; with a
  // discriminator also /gene_loss (= adv_gene_loss), /disc_loss (= adv_disc_loss) and /disc_acc.
  void validation(const ValidationRecord& record);

  // On the disk when it returns: before a checkpoint says that these steps are done.
  void sync();

 private:
  LineLog loss_log_, train_log_, validation_log_;
  EventLog events_;
  int64_t first_step_, summary_step_ = -1;  // that this run reports; that has the newest summary
};

}  // namespace inpaint
