#include "train/log/run_text.h"

#include "core/base/json_text.h"

namespace inpaint {
namespace {

std::string quality_text(const HoleQuality& quality) {
  const std::string psnr = quality.psnr ? fmt::format("{:.8f}", *quality.psnr) : "perfect";
  const std::string text = fmt::format("psnr: {}, ssim: {:.8f}", psnr, quality.ssim);
  return quality.gain ? fmt::format("{}, gain: {:+.4f} dB over harmonic", text, *quality.gain) : text;
}

std::string losses_text(const Losses& l) {
  if (!l.is_adversarial) return fmt::format("rec_loss:{:.8f}", l.rec_loss);
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
  if (!losses.is_adversarial) return fmt::format("{}, {}", losses_text(losses), quality_text(quality));
  return fmt::format("{}, disc_acc: {:.8f}, {}", losses_text(losses), losses.disc_acc, quality_text(quality));
}

std::string validation_log_line(const ValidationRecord& r) {
  const Losses& l = r.figures.losses;
  return JsonObject()
      .add("step", r.step)
      .add("epoch", r.epoch)
      .add("rec_loss", l.rec_loss)
      .add("adv_gene_loss", l.adv_gene_loss)
      .add("adv_disc_loss", l.adv_disc_loss)
      .add("disc_acc", l.disc_acc)
      .add_json("psnr", r.figures.quality.psnr ? json_text(*r.figures.quality.psnr) : "null")
      .add("ssim", r.figures.quality.ssim)
      .add_json("gain", r.figures.quality.gain ? json_text(*r.figures.quality.gain) : "null")
      .add("best", r.best)
      .text();
}

std::string validation_line(const ValidationRecord& r) {
  return fmt::format("[Validation] {}{}", validation_text(r.figures.losses, r.figures.quality),
                     r.best ? ", the best so far" : "");
}

std::string train_log_line(const StepRecord& r, const Tensor* offsets) {
  JsonObject line;
  line.add("step", r.step)
      .add("epoch", r.epoch)
      .add("batch", r.batch)
      .add("rec_loss", r.losses.rec_loss)
      .add("adv_gene_loss", r.losses.adv_gene_loss)
      .add("tv_loss", r.losses.tv_loss)
      .add("gene_loss_ori", r.losses.gene_loss_ori)
      .add("gene_decay_loss", r.gene_decay_loss)
      .add("adv_disc_loss", r.losses.adv_disc_loss)
      .add("disc_loss_ori", r.losses.disc_loss_ori)
      .add("disc_decay_loss", r.disc_decay_loss)
      .add("disc_acc", r.losses.disc_acc)
      .add("learning_rate_gene", r.learning_rate_gene)
      .add("learning_rate_disc", r.learning_rate_disc)
      .add("images_per_second", r.images_per_second);
  if (offsets != nullptr) {
    std::string list;
    for (int64_t i = 0; i < offsets->shape[0]; ++i)
      list += fmt::format("{}[{},{}]", i == 0 ? "" : ",", offsets->as<int32_t>()[2 * i],
                          offsets->as<int32_t>()[2 * i + 1]);
    line.add_json("offsets", '[' + list + ']');
  }
  return line.text();
}

}  // namespace inpaint
