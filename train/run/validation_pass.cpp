#include "train/run/validation_pass.h"

#include <utility>

namespace inpaint {
namespace {

// Weighted means.
class Means {
 public:
  // The weight of a figure is that of the pictures it is a mean over.
  void add(const ValidationFigures& f, double weight, double psnr_weight, double gain_weight) {
    weight_ += weight;
    sums_.losses.rec_loss += weight * f.losses.rec_loss;
    sums_.losses.adv_gene_loss += weight * f.losses.adv_gene_loss;
    sums_.losses.adv_disc_loss += weight * f.losses.adv_disc_loss;
    sums_.losses.disc_acc += weight * f.losses.disc_acc;
    sums_.losses.is_adversarial = f.losses.is_adversarial;
    sums_.quality.ssim += weight * f.quality.ssim;
    if (f.quality.gain) {
      gain_ += gain_weight * *f.quality.gain;
      gain_weight_ += gain_weight;
    }
    if (!f.quality.psnr) return;
    psnr_ += psnr_weight * *f.quality.psnr;
    psnr_weight_ += psnr_weight;
  }

  void add(const Means& other) {
    weight_ += other.weight_;
    sums_.losses.rec_loss += other.sums_.losses.rec_loss;
    sums_.losses.adv_gene_loss += other.sums_.losses.adv_gene_loss;
    sums_.losses.adv_disc_loss += other.sums_.losses.adv_disc_loss;
    sums_.losses.disc_acc += other.sums_.losses.disc_acc;
    if (other.weight_ > 0) sums_.losses.is_adversarial = other.sums_.losses.is_adversarial;
    sums_.quality.ssim += other.sums_.quality.ssim;
    gain_ += other.gain_;
    gain_weight_ += other.gain_weight_;
    psnr_ += other.psnr_;
    psnr_weight_ += other.psnr_weight_;
  }

  ValidationFigures value() const {
    ValidationFigures means;
    means.losses.rec_loss = sums_.losses.rec_loss / weight_;
    means.losses.adv_gene_loss = sums_.losses.adv_gene_loss / weight_;
    means.losses.adv_disc_loss = sums_.losses.adv_disc_loss / weight_;
    means.losses.disc_acc = sums_.losses.disc_acc / weight_;
    means.quality.ssim = sums_.quality.ssim / weight_;
    if (psnr_weight_ > 0) means.quality.psnr = psnr_ / psnr_weight_;
    if (gain_weight_ > 0) means.quality.gain = gain_ / gain_weight_;
    means.losses.is_adversarial = sums_.losses.is_adversarial;
    return means;
  }

 private:
  double weight_ = 0, psnr_weight_ = 0, gain_weight_ = 0;
  ValidationFigures sums_;
  double psnr_ = 0, gain_ = 0;
};

// The means over what all ranks have watched.
ValidationFigures means_over(Ranks& ranks, const Means& mine) {
  Means all;
  for (const Means& means : ranks.gather(mine)) all.add(means);
  return all.value();
}

}  // namespace

ValidationPass::ValidationPass(const TrainSettings& settings, std::unique_ptr<PictureSet> data, int workers,
                               Pictures pictures, const MaskFiles* masks, Ranks& ranks)
    : ranks_(ranks),
      batch_size_(settings.batch_size),
      share_(settings.batch_size, ranks),
      pictures_(pictures),
      data_(std::move(data)),
      loader_(*data_, {.batch_size = settings.batch_size,
                       .share_begin = share_.begin,
                       .share = share_.count,
                       .fill_last = pictures == Pictures::kAll,
                       .workers = workers}),
      holes_(settings, masks, RandomStream::kSampleHoles, Device::kCpu, share_.count) {}

std::optional<ValidationFigures> ValidationPass::run(const Context& ctx, TrainingStep& step,
                                                     const SamplePictures& samples, const Watch& watch) {
  Means means;
  for (int64_t index = 0; index < loader_.batches_per_epoch(); ++index) {
    const LoadedBatch& loaded = loader_.next();
    INPAINT_CHECK(loaded.index == index, "batch {} where {} was due", loaded.index, index);
    const Batch batch{loaded.pixels, holes_.draw(static_cast<uint64_t>(index * batch_size_ + share_.begin))};
    ValidationFigures figures;
    if (loaded.fresh == 0) {  // the pictures left are other ranks'
      if (!watch({index, batch, 0, figures})) return std::nullopt;
      continue;
    }
    step.load(batch);
    figures.losses = step.watch(Statistics::kRunning, loaded.fresh);
    figures.quality = samples.measure(ctx, step, batch, loaded.fresh);
    if (pictures_ == Pictures::kAll)
      means.add(figures, static_cast<double>(loaded.fresh), static_cast<double>(figures.quality.with_psnr),
                static_cast<double>(figures.quality.with_gain));
    else
      means.add(figures, 1, 1, 1);
    if (!watch({index, batch, loaded.fresh, figures})) return std::nullopt;
  }
  return ranks_.are_several() ? means_over(ranks_, means) : means.value();
}

}  // namespace inpaint
