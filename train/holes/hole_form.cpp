#include "train/holes/hole_form.h"

#include <algorithm>
#include <cmath>

#include "train/holes/hole_shapes.h"
#include "train/holes/mask_files.h"

namespace inpaint {
namespace {

// Decides the form of a mixed picture's hole; the form's own draws count up from 0 and never reach it.
constexpr uint32_t kFormRound = 0xFFFFFFFF;

HoleForm form_of_picture(HoleForm form, const Philox& random, uint64_t picture) {
  if (form != HoleForm::kMixed) return form;
  const uint32_t eighth = random.below(8, picture, kFormRound);
  if (eighth < 4) return HoleForm::kSquare;
  if (eighth < 6) return HoleForm::kStrokes;
  return eighth == 6 ? HoleForm::kBox : HoleForm::kBlobs;
}

AreaBounds area_bounds(const HoleOptions& options, int64_t pixels) {
  const auto most = static_cast<int64_t>(std::floor(options.max_area * static_cast<double>(pixels)));
  const auto least = static_cast<int64_t>(std::ceil(options.min_area * static_cast<double>(pixels)));
  const int64_t max = std::clamp<int64_t>(most, 1, pixels - 1);
  return {std::clamp<int64_t>(least, 1, max), max};
}

void draw_mask(const HoleOptions& options, HoleForm form, HoleDraws draw, HoleMask mask) {
  const AreaBounds bounds = area_bounds(options, mask.pixels());
  switch (form) {
    case HoleForm::kSquare:
      return draw_square(draw, mask);
    case HoleForm::kBox:
      return draw_boxes(draw, bounds, mask);
    case HoleForm::kStrokes:
      return draw_strokes(draw, bounds, mask);
    case HoleForm::kBlobs:
      return draw_blobs(draw, bounds, mask);
    case HoleForm::kFiles:
      return options.files->draw(draw, mask);
    case HoleForm::kMixed:
      break;  // form_of_picture has chosen another one
  }
  throw Error("unknown form of holes");
}

}  // namespace

void check_hole_options(const HoleOptions& options) {
  if (!(options.min_area > 0 && options.min_area <= options.max_area && options.max_area <= kMaxHoleArea))
    user_error(
        "holes: the smallest area is {} and the largest {} of the picture; give shares with 0 < smallest "
        "<= largest <= {}",
        options.min_area, options.max_area, kMaxHoleArea);
}

void draw_holes(const HoleOptions& options, const Philox& random, uint64_t first, const Tensor& mask) {
  check_hole_options(options);
  if (mask.shape.rank() != 3)
    throw ShapeError(fmt::format("draw_holes: mask {} must have rank 3", to_string(mask.shape)));
  const int64_t height = mask.shape[1], width = mask.shape[2];
  INPAINT_CHECK(std::min(height, width) >= 2 && std::max(height, width) <= kMaxHoleSide, "masks of {} x {}",
                height, width);
  INPAINT_CHECK(options.form != HoleForm::kFiles || options.files != nullptr, "no mask files");
  uint8_t* pixels = mask.as<uint8_t>();
  for (int64_t n = 0; n < mask.shape[0]; ++n) {
    const uint64_t picture = first + static_cast<uint64_t>(n);
    draw_mask(options, form_of_picture(options.form, random, picture), HoleDraws(random, picture),
              HoleMask(pixels + n * height * width, height, width));
  }
}

}  // namespace inpaint
