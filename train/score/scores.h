// How well holes are painted: figures of each picture, and over a set of pictures.
//
// All pictures are compared as bytes; errors are given on pixels scaled to [0, 1]. A region is the hole
// (the missing pixels of the inpainted picture against those of the true one) or the image (all pixels of
// both). SSIM of a hole looks at windows around its pixels too, see kernels/picture/image_quality.h.
//
// Seam: does the hole's border show? Each missing pixel p has up to four known neighbours q across the
// hole's border. `across` is the mean of |p - q| over all such pairs and channels. `beside` is the same
// mean over the steps next to it in the same direction: from p to the pixel behind it, where that is
// missing too, and from q to the pixel behind it, where that is known too. The figure is the ratio of the
// two means: in photographs about 1, and above it a visible edge. What the true pictures have is the figure
// to compare with.
//
// Gradient energy: the mean, over the missing pixels and channels, of the squared steps to the pixels below
// and to the right (kernels/picture/gradient_energy.h). Sharpness is the energy of the inpainted pictures
// over that of the true ones: below 1 the holes are too smooth, above 1 too rough.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/device/context.h"
#include "train/holes/holes.h"
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

// What can be said of a picture and its hole without comparing the picture with another one.
struct HoleLook {
  std::optional<Seam> seam;    // none where the hole leaves no such steps
  double gradient_energy = 0;  // in squared bytes
};

struct PictureScore {
  RegionScore hole, image;
  HoleLook look;  // of the inpainted picture
  // Distance to the true picture (train/features/feature_distance.h); none where no network was given.
  std::optional<double> perceptual_distance = {};
};

// The numbers of missing pixels of masks u8 [N, S, S].
std::vector<int64_t> missing_pixels(const Tensor& mask);

// The looks of pictures u8 [N, S, S, C], true or inpainted, where mask u8 [N, S, S] says what is missing.
// Every mask has a missing pixel; so below.
std::vector<HoleLook> look_at_holes(const Context& ctx, const Tensor& pictures, const Tensor& mask);

// Scores of N inpainted pictures u8 [N, S, S, C], S >= 7.
std::vector<PictureScore> score_pictures(Context& ctx, const Batch& batch, const Tensor& inpainted);

struct RegionSummary {
  Estimate l1_percent, l2_percent, ssim;
  Estimate psnr;         // mean over the pictures that are not perfect
  Estimate pooled_psnr;  // of the mean squared error of all pictures
  int64_t perfect = 0;   // pictures without error
};

struct ScoreSummary {
  RegionSummary hole, image;
  Estimate seam;
  Estimate sharpness;
  Estimate perceptual_distance = {};  // mean over the pictures that have one
};

// `truth`: the looks of the true pictures.
ScoreSummary summarize(std::span<const PictureScore> scores, std::span<const HoleLook> truth);
Estimate summarize_seams(std::span<const HoleLook> looks);

// How the holes of `scores` compare with those that a baseline painted, picture by picture. The intervals
// are those of the paired differences.
struct Comparison {
  Estimate psnr_gain;       // mean difference, dB; a picture that either painted perfectly is left out
  Estimate better_percent;  // of the pictures: those with the smaller squared error
  Estimate ssim_gain;       // mean difference
};

Comparison compare(std::span<const PictureScore> scores, std::span<const PictureScore> baseline);

}  // namespace inpaint
