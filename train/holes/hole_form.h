// The form of the holes, and the masks of a batch.
//
// The mask of a picture is a function of (seed and stream, number of the picture, size, options) alone. Any
// cut into batches, any number of workers and a resumed run give the same masks. Only integers decide which
// pixels are missing, so every machine draws the same bytes.
//
//   square   one square, its side half the picture's shorter side; its corner is uniform over every place
//            where the square lies wholly inside the picture
//   box      one to four boxes along the axes
//   strokes  random walks of thick round strokes; for a quarter of the pictures also one box
//   blobs    the heights of a smooth random field, a few irregular islands
//   mixed    square 1/2, strokes 1/4, box 1/8, blobs 1/8, drawn for each picture; picture n then has the
//            mask that it has with that form alone
//   files    mask pictures of the user, see mask_files.h
//
// Box, strokes and blobs keep to the bounds of the area. Each mask draws a target, uniform between the
// bounds. Boxes share the target out and may cover each other. A walk that would exceed the target is left
// out and ends the mask; while the area is below the lower bound, the walk's last stroke is cut instead.
// Blobs take the highest pixels up to the target. The mean areas for bounds of 10 and 40 % are 23 % (box),
// 21 % (strokes) and 25 % (blobs). Files keep the area that they have.
// Source of the strokes: Suvorov et al., "Resolution-robust large mask inpainting with Fourier
// convolutions" (LaMa), WACV 2022, section 2.3. The sizes and the rule to stop are ours.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/philox.h"
#include "core/device/tensor.h"

namespace inpaint {

class MaskFiles;

enum class HoleForm { kSquare, kBox, kStrokes, kBlobs, kMixed, kFiles };

// The names of the forms, in their order; the argument only picks the enumeration.
inline std::span<const std::string_view> names_of(HoleForm) {
  static constexpr std::string_view kNames[] = {"square", "box", "strokes", "blobs", "mixed", "files"};
  return kNames;
}

struct HoleOptions {
  HoleForm form = HoleForm::kSquare;
  double min_area = 0.1, max_area = 0.4;  // shares of the picture
  const MaskFiles* files = nullptr;       // for kFiles; of the same size as the masks, outlives the drawing
};

constexpr double kMaxHoleArea = 0.95;
constexpr int64_t kMaxHoleSide = 8192;

// UserError unless 0 < min_area <= max_area <= kMaxHoleArea.
void check_hole_options(const HoleOptions& options);

// Overwrites mask u8 [N, H, W] with the masks of the pictures first, first + 1, ...: 1 = missing, 0 =
// known. Every mask has a missing and a known pixel. The area lies between ceil(min_area H W) and
// floor(max_area H W) pixels; a picture too small for that has the nearest number below. H and W lie
// between 2 and kMaxHoleSide. Takes one thread: several may draw parts of a batch at once.
void draw_holes(const HoleOptions& options, const Philox& random, uint64_t first, const Tensor& mask);

}  // namespace inpaint
