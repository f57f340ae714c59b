#include "train/run/run_holes.h"

namespace inpaint {

std::optional<MaskFiles> open_masks(const TrainSettings& s) {
  if (s.holes != HoleForm::kFiles) return std::nullopt;
  return std::optional<MaskFiles>(std::in_place, s.masks, s.mask_value, s.image_size, s.image_size);
}

RunHoles::RunHoles(const TrainSettings& s, const MaskFiles* masks, RandomStream stream, Device device,
                   int64_t count)
    : settings_(s),
      options_{s.holes, s.min_hole, s.max_hole, masks},
      random_(static_cast<uint64_t>(s.seed), stream),
      mask_memory_(Buffer::staging(count * s.image_size * s.image_size, device)) {
  holes_.mask = mask_memory_.tensor({count, s.image_size, s.image_size}, DType::kU8);
  if (s.model != ModelKind::kContextEncoder) return;
  offset_memory_ = Buffer::staging(count * 2 * size_of(DType::kI32), device);
  holes_.offsets = offset_memory_.tensor({count, 2}, DType::kI32);
}

const Holes& RunHoles::draw(uint64_t first) {
  if (settings_.model == ModelKind::kContextEncoder) {
    place_holes(settings_.block, random_, first, settings_.image_size, holes_.offsets);
    mark_squares(holes_.offsets, holes_.mask);
  } else {
    draw_holes(options_, random_, first, holes_.mask);
  }
  return holes_;
}

}  // namespace inpaint
