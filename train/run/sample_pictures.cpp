#include "train/run/sample_pictures.h"

#include "core/device/copy.h"
#include "core/image/image_codec.h"
#include "kernels/picture/hole.h"
#include "kernels/picture/image_quality.h"
#include "kernels/picture/to_bytes.h"
#include "train/data/picture_grid.h"

namespace inpaint {

SamplePictures::SamplePictures(Context& ctx, const Model& model, int64_t batch_size,
                               std::filesystem::path folder)
    : folder_(std::move(folder)) {
  const Shape pictures = model.generator.in_shape(batch_size),
              holes = model.discriminator.in_shape(batch_size);
  offsets_ = arena_.reserve({batch_size, 2}, DType::kI32);
  inpainted_ = arena_.reserve(pictures, model.activation_dtype());
  picture_bytes_ = arena_.reserve(pictures, DType::kU8);
  hidden_bytes_ = arena_.reserve(holes, DType::kU8);
  fake_bytes_ = arena_.reserve(holes, DType::kU8);
  for (int* id : {&absolute_, &squared_, &ssim_}) *id = arena_.reserve({batch_size}, DType::kF64);
  arena_.allocate(ctx.device());
  ctx.reserve_workspace(ssim_workspace_bytes(ctx, holes));
}

void SamplePictures::save(const Context& ctx, const TrainingStep& step, const Tensor& images,
                          const Tensor& offsets, int64_t number) const {
  const std::string stem = std::to_string(number);
  const Tensor bytes = arena_.tensor(picture_bytes_), inpainted = arena_.tensor(inpainted_);
  save_grid(ctx, images, stem + "_0.png");
  const Tensor holes = arena_.tensor(offsets_);
  upload(ctx, offsets, holes);
  paste_hole(ctx, step.masked_images(), step.fake_images(), holes, inpainted);
  to_bytes(ctx, inpainted, bytes);
  save_grid(ctx, bytes, stem + "_1.png");
  to_bytes(ctx, step.masked_images(), bytes);
  save_grid(ctx, bytes, stem + "_2.png");
}

HoleQuality SamplePictures::measure(const Context& ctx, const TrainingStep& step) const {
  const Tensor hidden = arena_.tensor(hidden_bytes_), fake = arena_.tensor(fake_bytes_);
  to_bytes(ctx, step.hidden_images(), hidden);
  to_bytes(ctx, step.fake_images(), fake);
  byte_errors(ctx, hidden, fake, arena_.tensor(absolute_), arena_.tensor(squared_));
  ssim(ctx, hidden, fake, arena_.tensor(ssim_));
  const HostCopy squared(ctx, arena_.tensor(squared_)), similarity(ctx, arena_.tensor(ssim_));

  const int64_t n = hidden.shape[0];
  const auto values = static_cast<double>(hidden.elements() / n);
  HoleQuality quality;
  double psnr_sum = 0;
  int64_t imperfect = 0;
  for (int64_t i = 0; i < n; ++i) {
    quality.ssim += similarity->as<double>()[i] / static_cast<double>(n);
    if (const auto db = psnr(squared->as<double>()[i], values)) {
      psnr_sum += *db;
      ++imperfect;
    }
  }
  if (imperfect > 0) quality.psnr = psnr_sum / static_cast<double>(imperfect);
  return quality;
}

void SamplePictures::save_grid(const Context& ctx, const Tensor& pictures, const std::string& name) const {
  write_png(folder_ / name, picture_grid(HostCopy(ctx, pictures)));
}

}  // namespace inpaint
