#include "train/log/run_logs.h"

#include <sstream>
#include <vector>

#include "train/log/hparams.h"
#include "train/settings/settings_text.h"

namespace inpaint {
namespace {

void append_scores(const Tensor& scores, std::vector<float>& values) {
  visit_activation_type(scores.dtype, [&]<typename T>(T) {
    for (int64_t i = 0; i < scores.elements(); ++i) values.push_back(static_cast<float>(scores.as<T>()[i]));
  });
}

}  // namespace

bool summary_is_due(int64_t step, int64_t interval) {
  if (interval == 0) interval = step < 10 ? 1 : step < 100 ? 10 : 100;
  return step % interval == 0;
}

RunLogs::RunLogs(const std::filesystem::path& folder, const RunState& state)
    : loss_log_(folder / "loss_log.txt", state.epoch - 1, epoch_of_loss_line),
      train_log_(folder / "train_log.jsonl", state.step, step_of_json_line),
      validation_log_(folder / "validation_log.jsonl", state.batch == 0 ? state.step : state.step - 1,
                      step_of_json_line),
      events_(folder, state.step + 1),
      first_step_(state.step + 1) {}

void RunLogs::settings(const TrainSettings& settings) {
  std::string markdown;  // indented: as it is, a line each
  std::istringstream lines(describe_settings(settings));
  for (std::string line; std::getline(lines, line);) markdown += "    " + line + '\n';
  events_.text(first_step_, "settings", markdown);
  events_.plugin(first_step_, kExperimentTag, kHparamsPlugin, hparams_experiment());
  events_.plugin(first_step_, kSessionStartTag, kHparamsPlugin,
                 hparams_session_start(settings, events_.now()));
}

void RunLogs::complete(int64_t step) {
  events_.plugin(step, kSessionEndTag, kHparamsPlugin, hparams_session_end(events_.now()));
}

void RunLogs::epoch(int64_t epoch, const EpochSums& sums) { loss_log_.append(loss_log_line(epoch, sums)); }

void RunLogs::step(const StepRecord& record, const Tensor* offsets) {
  train_log_.append(train_log_line(record, offsets));
  if (record.step != summary_step_) return;
  const auto scalar = [&](const char* tag, double value) { events_.scalar(record.step, tag, value); };
  scalar("learning_rate_gene", record.learning_rate_gene);
  scalar("images_per_second", record.images_per_second);
  if (!record.losses.is_adversarial) return;
  scalar("learning_rate_disc", record.learning_rate_disc);
  scalar("tv_loss", record.losses.tv_loss);
  scalar("disc_loss_ori", record.losses.disc_loss_ori);
  scalar("gene_decay_loss", record.gene_decay_loss);
  scalar("disc_decay_loss", record.disc_decay_loss);
}

void RunLogs::summary(int64_t step, const Losses& losses, const Tensor& real_scores,
                      const Tensor& fake_scores) {
  summary_step_ = step;
  events_.scalar(step, "rec_loss", losses.rec_loss);
  if (!losses.is_adversarial) return;
  events_.scalar(step, "disc_acc", losses.disc_acc);
  events_.scalar(step, "adv_gene_loss", losses.gene_loss_ori);
  events_.scalar(step, "gene_loss", losses.adv_gene_loss);
  events_.scalar(step, "disc_loss", losses.adv_disc_loss);
  std::vector<float> scores;
  append_scores(fake_scores, scores);
  events_.histogram(step, "gene_score", scores);
  scores.clear();
  append_scores(real_scores, scores);
  append_scores(fake_scores, scores);
  events_.histogram(step, "disc_score", scores);
}

void RunLogs::gradients(int64_t step, const GradientFigures& figures) {
  events_.scalar(step, "gradient_norm/generator", figures.generator_norm);
  if (figures.discriminator_norm)
    events_.scalar(step, "gradient_norm/discriminator", *figures.discriminator_norm);
  for (const LossShare& share : figures.loss_shares)
    events_.scalar(step, fmt::format("loss_share/{}", share.term), share.share);
}

void RunLogs::sample(int64_t step, std::string_view shows, int64_t height, int64_t width, int64_t channels,
                     std::span<const uint8_t> png) {
  events_.image(step, fmt::format("sample/{}", shows), height, width, channels, std::as_bytes(png));
}

void RunLogs::validation(const ValidationRecord& record) {
  validation_log_.append(validation_log_line(record));
  const Losses& losses = record.figures.losses;
  const HoleQuality& quality = record.figures.quality;
  events_.scalar(record.step, "validate/rec_loss", losses.rec_loss);
  if (losses.is_adversarial) {
    events_.scalar(record.step, "validate/gene_loss", losses.adv_gene_loss);
    events_.scalar(record.step, "validate/disc_loss", losses.adv_disc_loss);
    events_.scalar(record.step, "validate/disc_acc", losses.disc_acc);
  }
  if (quality.gain) events_.scalar(record.step, "validate/gain", *quality.gain);
  events_.scalar(record.step, "validate/ssim", quality.ssim);
  if (quality.psnr) events_.scalar(record.step, "validate/psnr", *quality.psnr);
}

void RunLogs::sync() {
  validation_log_.sync();
  loss_log_.sync();
  train_log_.sync();
  events_.sync();
}

}  // namespace inpaint
