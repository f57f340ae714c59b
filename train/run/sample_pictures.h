// The pictures and figures a run leaves of one batch: grids (floor(sqrt N) wide, rows as needed), PSNR and
// SSIM of the painted holes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "train/step/training_step.h"

namespace inpaint {

// A grid as a file: what it shows, and its PNG.
struct SampleSheet {
  std::string_view shows;  // pictures, filled, holes or harmonic
  int64_t height, width, channels;
  std::vector<uint8_t> png;
};

class SamplePictures {
 public:
  // Plans for batches of this shape, pictures u8 [N, S, S, C]. Files go into `folder`, which exists.
  SamplePictures(Context& ctx, const TrainingStep& step, const Shape& pictures, std::filesystem::path folder);

  // Both are about the first `pictures` of the batch that `step` has just watched: what step.load was given,
  // in the host's memory.
  //
  // Writes <number>_0.png the images, _1 the inpainted images, _2 the masked images, mid grey in the holes,
  // and where the model starts from it _3 the harmonic fill. Returns them in this order.
  std::vector<SampleSheet> save(const Context& ctx, const TrainingStep& step, const Batch& batch,
                                int64_t pictures, int64_t number) const;
  // Compares the painted holes with the target, as bytes. SSIM of squares that were cut out compares the two
  // squares, as the source program does; of other holes, the windows around missing pixels.
  HoleQuality measure(const Context& ctx, const TrainingStep& step, const Batch& batch,
                      int64_t pictures) const;

 private:
  struct Errors {
    std::vector<std::optional<double>> psnr;  // by picture; none: perfect
    double ssim;                              // mean
  };

  // `pictures` in [-1, 1] as bytes, in the device's memory; the next call overwrites them.
  Tensor as_bytes(const Context& ctx, const Tensor& pictures) const;
  Errors compare(const Context& ctx, const Tensor& painted, const Batch& batch, int64_t pictures) const;
  // The mean over the pictures.
  double ssim_of(const Context& ctx, const Tensor& a, const Tensor& b, const Tensor& mask) const;
  SampleSheet save_grid(const Context& ctx, const Tensor& pictures, std::string_view shows,
                        const std::string& name) const;

  std::filesystem::path folder_;
  Arena arena_;
  int pictures_, bytes_, images_, mask_, absolute_, squared_, ssim_;
  int hidden_bytes_ = -1, fake_bytes_ = -1;  // of squares
};

}  // namespace inpaint
