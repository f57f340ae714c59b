// The pictures and figures a run leaves of one batch: three grids (floor(sqrt N) wide, rows as needed), PSNR
// and SSIM of the painted holes.
#pragma once

#include <filesystem>
#include <string>

#include "train/step/training_step.h"

namespace inpaint {

class SamplePictures {
 public:
  // Plans for batches of this shape. Files go into `folder`, which exists.
  SamplePictures(Context& ctx, const Model& model, int64_t batch_size, std::filesystem::path folder);

  // Writes <number>_0.png the images, _1 the inpainted images, _2 the masked images, of the batch that
  // `step` has just watched. images u8 [N, S, S, C], offsets i32 [N, 2]: what step.load was given, in the
  // host's memory.
  void save(const Context& ctx, const TrainingStep& step, const Tensor& images, const Tensor& offsets,
            int64_t number) const;

  // Compares the holes that `step` has just painted with the target, as bytes.
  HoleQuality measure(const Context& ctx, const TrainingStep& step) const;

 private:
  void save_grid(const Context& ctx, const Tensor& pictures, const std::string& name) const;

  std::filesystem::path folder_;
  Arena arena_;
  int offsets_, inpainted_, picture_bytes_, hidden_bytes_, fake_bytes_, absolute_, squared_, ssim_;
};

}  // namespace inpaint
