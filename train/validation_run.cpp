#include "train/validation_run.h"

#include <cstdio>

#include "train/batch_loader.h"
#include "train/folders.h"
#include "train/progress.h"
#include "train/resume.h"
#include "train/run_options.h"
#include "train/run_text.h"
#include "train/sample_pictures.h"
#include "train/settings_text.h"

namespace inpaint {
namespace {

// Means over batches; of PSNR over those that have one.
class Means {
 public:
  void add(const Losses& l, const HoleQuality& q) {
    ++batches_;
    sums_.rec_loss += l.rec_loss;
    sums_.adv_gene_loss += l.adv_gene_loss;
    sums_.adv_disc_loss += l.adv_disc_loss;
    sums_.disc_acc += l.disc_acc;
    ssim_ += q.ssim;
    if (!q.psnr) return;
    psnr_ += *q.psnr;
    ++with_psnr_;
  }

  std::string text() const {
    Losses l;
    l.rec_loss = sums_.rec_loss / batches_;
    l.adv_gene_loss = sums_.adv_gene_loss / batches_;
    l.adv_disc_loss = sums_.adv_disc_loss / batches_;
    l.disc_acc = sums_.disc_acc / batches_;
    HoleQuality q{.psnr = std::nullopt, .ssim = ssim_ / batches_};
    if (with_psnr_ > 0) q.psnr = psnr_ / with_psnr_;
    return validation_text(l, q);
  }

 private:
  int batches_ = 0, with_psnr_ = 0;
  Losses sums_;
  double psnr_ = 0, ssim_ = 0;
};

}  // namespace

int run_validation(const TrainSettings& settings) {
  Progress out(stdout);
  fmt::print("{}", describe_settings(settings));
  const auto data = open_pictures(data_file(settings), settings.image_size, settings.image_channel);
  Context ctx(settings.threads, matrix_backend_of(settings));
  Model model(network_options(settings), real_type(settings), Parameters::Use::kInference);
  const Beginning beginning = begin_validation(settings, checkpoint_folder(settings), ctx, model);
  for (const std::string& note : beginning.notes) out.line(note);
  make_run_folders(settings);

  TrainingStep step(ctx, model, settings.batch_size, step_options(settings));
  const SamplePictures samples(ctx, model, settings.batch_size, sample_folder(settings));
  BatchLoader loader(*data, {.batch_size = settings.batch_size, .workers = settings.loader_threads});
  const Philox random(static_cast<uint64_t>(settings.seed), RandomStream::kSampleHoles);
  const Buffer hole_memory(settings.batch_size * 2 * size_of(DType::kI32));
  const Tensor holes = hole_memory.tensor({settings.batch_size, 2}, DType::kI32);

  Means means;
  for (int64_t index = 0; index < loader.batches_per_epoch(); ++index) {
    const LoadedBatch& batch = loader.next();
    place_holes(settings.block, random, static_cast<uint64_t>(index * settings.batch_size),
                settings.image_size, holes);
    step.load(batch.pixels, holes);
    const Losses losses = step.watch(Statistics::kRunning);
    samples.save(ctx, step, batch.pixels, holes, index);
    const HoleQuality quality = samples.measure(ctx, step);
    out.line("[Getting Sample...] " + validation_text(losses, quality));
    means.add(losses, quality);
  }
  out.line("Mean " + means.text());
  return 0;
}

}  // namespace inpaint
