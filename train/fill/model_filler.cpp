#include "train/fill/model_filler.h"

#include "train/fill/models/built_in_model.h"

namespace inpaint {

ModelFiller::ModelFiller(const std::filesystem::path& checkpoint, DeviceChoice device, int gpu, int threads)
    : cpu_(threads) {
  if (checkpoint == "none") return;
  if (device == DeviceChoice::kCuda || (device == DeviceChoice::kAuto && Context::gpu_count() > 0))
    gpu_.emplace(Gpu{gpu}, threads);
  Context& ctx = gpu_ ? *gpu_ : cpu_;
  if (checkpoint.empty())
    model_.emplace(ctx, load_trained_generator(ctx, built_in_model()), 1);
  else
    model_.emplace(ctx, checkpoint, 1);
}

void ModelFiller::fill(Image& picture, const Image& mask, Finish finish) {
  PictureFiller(cpu_, model_ ? &*model_ : nullptr, finish).fill(picture, mask);
}

void ModelFiller::fill_harmonically(Image& picture, const Image& mask) {
  PictureFiller(cpu_, nullptr, Finish::kNone).fill(picture, mask);
}

std::string ModelFiller::model_name() const {
  return model_ ? model_->file().filename().string() : "harmonic";
}

}  // namespace inpaint
