// How well holes are painted: figures of each picture, and over a set of pictures.
//
// All pictures are compared as bytes; errors are given on pixels scaled to [0, 1]. A region is the hole (the
// painted pixels against the hidden ones) or the image (the inpainted picture against the whole true one).
//
// Seam: does the hole's border show? Each pixel p along a side of the hole has a neighbour q outside, across
// the side. `across` is the mean of |p - q| over all such pairs and channels; `beside` is the same mean over
// the steps next to it, from p one pixel further inside and from q one pixel further outside. Sides on the
// border of the picture take no part. The figure is the ratio of the two means: in photographs about 1, and
// above it a visible edge. What the true pictures have is the figure to compare with.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/device/context.h"
#include "train/score/estimate.h"

namespace inpaint {

struct RegionScore {
  double l1_percent = 0;       // 100 mean |a - b| / 255
  double l2_percent = 0;       // 100 mean ((a - b) / 255)^2
  std::optional<double> psnr;  // dB; none for a perfect region
  double ssim = 0;
};

struct Seam {
  double across = 0, beside = 0;  // in bytes
};

struct PictureScore {
  RegionScore hole, image;
  std::optional<Seam> seam;  // none where the hole leaves no such steps
};

// Seams of pictures u8 [N, S, S, C] with holes of hole_size pixels at offsets i32 [N, 2].
std::vector<std::optional<Seam>> score_seams(const Tensor& pictures, const Tensor& offsets,
                                             int64_t hole_size);

// Scores of N painted pictures. images, inpainted u8 [N, S, S, C]; hidden, fake u8 [N, H, H, C], H >= 7.
std::vector<PictureScore> score_pictures(Context& ctx, const Tensor& images, const Tensor& inpainted,
                                         const Tensor& hidden, const Tensor& fake, const Tensor& offsets);

struct RegionSummary {
  Estimate l1_percent, l2_percent, ssim;
  Estimate psnr;         // mean over the pictures that are not perfect
  Estimate pooled_psnr;  // of the mean squared error of all pictures
  int64_t perfect = 0;   // pictures without error
};

struct ScoreSummary {
  RegionSummary hole, image;
  Estimate seam;
};

ScoreSummary summarize(std::span<const PictureScore> scores);
Estimate summarize_seams(std::span<const std::optional<Seam>> seams);

// Mean of the hole's PSNR of `scores` minus that of `baseline`, picture by picture, in dB. A picture that
// either painted perfectly has no difference and is left out.
Estimate psnr_gain(std::span<const PictureScore> scores, std::span<const PictureScore> baseline);

}  // namespace inpaint
