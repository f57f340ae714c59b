#include "train/run_text.h"

#include <nlohmann/json.hpp>

namespace inpaint {
namespace {

std::string quality_text(const HoleQuality& quality) {
  const std::string psnr = quality.psnr ? fmt::format("{:.8f}", *quality.psnr) : "perfect";
  return fmt::format("psnr: {}, ssim: {:.8f}", psnr, quality.ssim);
}

std::string losses_text(const Losses& l) {
  return fmt::format("rec_loss:{:.8f}, gene_loss: {:.8f}, disc_loss: {:.8f}", l.rec_loss, l.adv_gene_loss,
                     l.adv_disc_loss);
}

}  // namespace

std::string loss_log_line(int64_t epoch, const EpochSums& sums) {
  const double n = static_cast<double>(sums.steps);
  return fmt::format("Epoch:{:4}, rec_loss:{:.8f}, gene_loss: {:.8f}, disc_loss: {:.8f}, disc_acc: {:.8f}",
                     epoch, sums.rec_loss / n, sums.adv_gene_loss / n, sums.adv_disc_loss / n,
                     sums.disc_acc / n);
}

std::string sample_line(const Losses& losses, const HoleQuality& quality) {
  return fmt::format("[Getting Sample...] {}, {}", losses_text(losses), quality_text(quality));
}

std::string validation_text(const Losses& losses, const HoleQuality& quality) {
  return fmt::format("{}, disc_acc: {:.8f}, {}", losses_text(losses), losses.disc_acc, quality_text(quality));
}

std::string validation_log_line(const ValidationRecord& r) {
  const Losses& l = r.figures.losses;
  nlohmann::ordered_json line = {
      {"step", r.step},
      {"epoch", r.epoch},
      {"rec_loss", l.rec_loss},
      {"adv_gene_loss", l.adv_gene_loss},
      {"adv_disc_loss", l.adv_disc_loss},
      {"disc_acc", l.disc_acc},
      {"psnr", nullptr},
      {"ssim", r.figures.quality.ssim},
      {"best", r.best},
  };
  if (r.figures.quality.psnr) line["psnr"] = *r.figures.quality.psnr;
  return line.dump();
}

std::string validation_line(const ValidationRecord& r) {
  return fmt::format("[Validation] {}{}", validation_text(r.figures.losses, r.figures.quality),
                     r.best ? ", the best so far" : "");
}

std::string train_log_line(const StepRecord& r, const Tensor* offsets) {
  nlohmann::ordered_json line = {
      {"step", r.step},
      {"epoch", r.epoch},
      {"batch", r.batch},
      {"rec_loss", r.losses.rec_loss},
      {"adv_gene_loss", r.losses.adv_gene_loss},
      {"tv_loss", r.losses.tv_loss},
      {"gene_loss_ori", r.losses.gene_loss_ori},
      {"gene_decay_loss", r.gene_decay_loss},
      {"adv_disc_loss", r.losses.adv_disc_loss},
      {"disc_loss_ori", r.losses.disc_loss_ori},
      {"disc_decay_loss", r.disc_decay_loss},
      {"disc_acc", r.losses.disc_acc},
      {"learning_rate_gene", r.learning_rate_gene},
      {"learning_rate_disc", r.learning_rate_disc},
      {"images_per_second", r.images_per_second},
  };
  if (offsets != nullptr) {
    auto list = nlohmann::ordered_json::array();
    for (int64_t i = 0; i < offsets->shape[0]; ++i)
      list.push_back({offsets->as<int32_t>()[2 * i], offsets->as<int32_t>()[2 * i + 1]});
    line["offsets"] = std::move(list);
  }
  return line.dump();
}

}  // namespace inpaint
