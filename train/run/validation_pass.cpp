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
    sums_.quality.ssim += f.quality.ssim;
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
    return means;
  }

 private:
  int batches_ = 0, with_psnr_ = 0;
  ValidationFigures sums_;
  double psnr_ = 0;
};

}  // namespace

ValidationPass::ValidationPass(const TrainSettings& settings, Split mode)
    : block_(settings.block),
      image_size_(settings.image_size),
      batch_size_(settings.batch_size),
      data_(open_dataset(data_file(settings, mode), settings.image_size, settings.image_channel)),
      loader_(*data_, {.batch_size = settings.batch_size}),
      random_(static_cast<uint64_t>(settings.seed), RandomStream::kSampleHoles),
      hole_memory_(settings.batch_size * 2 * size_of(DType::kI32)),
      holes_(hole_memory_.tensor({settings.batch_size, 2}, DType::kI32)) {}

std::optional<ValidationFigures> ValidationPass::run(const Context& ctx, TrainingStep& step,
                                                     const SamplePictures& samples, const Seen& seen) {
  Means means;
  for (int64_t index = 0; index < loader_.batches_per_epoch(); ++index) {
    const LoadedBatch& batch = loader_.next();
    INPAINT_CHECK(batch.index == index, "batch {} where {} was due", batch.index, index);
    place_holes(block_, random_, static_cast<uint64_t>(index * batch_size_), image_size_, holes_);
    step.load(batch.pixels, holes_);
    ValidationFigures figures;
    figures.losses = step.watch(Statistics::kRunning);
    figures.quality = samples.measure(ctx, step);
    means.add(figures);
    if (!seen({index, batch.pixels, holes_, figures})) return std::nullopt;
  }
  return means.value();
}

}  // namespace inpaint
