#include "train/run/validation_pass.h"

#include "train/settings/folders.h"

namespace inpaint {
namespace {

class Means {
 public:
  void add(const ValidationFigures& f) {
    ++batches_;
    sums_.losses.rec_loss += f.losses.rec_loss;
    sums_.losses.adv_gene_loss += f.losses.adv_gene_loss;
    sums_.losses.adv_disc_loss += f.losses.adv_disc_loss;
    sums_.losses.disc_acc += f.losses.disc_acc;
    sums_.losses.is_adversarial = f.losses.is_adversarial;
    sums_.quality.ssim += f.quality.ssim;
    if (f.quality.gain) {
      gain_ += *f.quality.gain;
      ++with_gain_;
    }
    if (!f.quality.psnr) return;
    psnr_ += *f.quality.psnr;
    ++with_psnr_;
  }

  ValidationFigures value() const {
    ValidationFigures means;
    means.losses.rec_loss = sums_.losses.rec_loss / batches_;
    means.losses.adv_gene_loss = sums_.losses.adv_gene_loss / batches_;
    means.losses.adv_disc_loss = sums_.losses.adv_disc_loss / batches_;
    means.losses.disc_acc = sums_.losses.disc_acc / batches_;
    means.quality.ssim = sums_.quality.ssim / batches_;
    if (with_psnr_ > 0) means.quality.psnr = psnr_ / with_psnr_;
    if (with_gain_ > 0) means.quality.gain = gain_ / with_gain_;
    means.losses.is_adversarial = sums_.losses.is_adversarial;
    return means;
  }

 private:
  int batches_ = 0, with_psnr_ = 0, with_gain_ = 0;
  ValidationFigures sums_;
  double psnr_ = 0, gain_ = 0;
};

}  // namespace

ValidationPass::ValidationPass(const TrainSettings& settings, Split mode, const MaskFiles* masks)
    : batch_size_(settings.batch_size),
      data_(open_dataset(data_file(settings, mode), settings.image_size, settings.image_channel)),
      loader_(*data_, {.batch_size = settings.batch_size}),
      holes_(settings, masks, RandomStream::kSampleHoles, Device::kCpu) {}

std::optional<ValidationFigures> ValidationPass::run(const Context& ctx, TrainingStep& step,
                                                     const SamplePictures& samples, const Watch& watch) {
  Means means;
  for (int64_t index = 0; index < loader_.batches_per_epoch(); ++index) {
    const LoadedBatch& loaded = loader_.next();
    INPAINT_CHECK(loaded.index == index, "batch {} where {} was due", loaded.index, index);
    const Batch batch{loaded.pixels, holes_.draw(static_cast<uint64_t>(index * batch_size_))};
    step.load(batch);
    ValidationFigures figures;
    figures.losses = step.watch(Statistics::kRunning);
    figures.quality = samples.measure(ctx, step, batch);
    means.add(figures);
    if (!watch({index, batch, figures})) return std::nullopt;
  }
  return means.value();
}

}  // namespace inpaint
