#include "train/run/run_holes.h"

#include "train/step/training_step.h"

namespace inpaint {

std::optional<MaskFiles> open_masks(const TrainSettings& s) {
  if (s.holes != HoleForm::kFiles) return std::nullopt;
  return std::optional<MaskFiles>(std::in_place, s.masks, s.mask_value, s.image_size, s.image_size);
}

RunHoles::RunHoles(const TrainSettings& s, const MaskFiles* masks, RandomStream stream, Device device,
                   int64_t count, int micro_batches)
    : settings_(s),
      options_{s.holes, s.min_hole, s.max_hole, masks},
      random_(static_cast<uint64_t>(s.seed), stream),
      count_(count),
      micro_batches_(micro_batches),
      mask_memory_(Buffer::staging(micro_batches * count * s.image_size * s.image_size, device)) {
  const int64_t all = micro_batches * count;
  holes_.mask = mask_memory_.tensor({all, s.image_size, s.image_size}, DType::kU8);
  if (s.model != ModelKind::kContextEncoder) return;
  offset_memory_ = Buffer::staging(all * 2 * size_of(DType::kI32), device);
  holes_.offsets = offset_memory_.tensor({all, 2}, DType::kI32);
}

const Holes& RunHoles::draw(uint64_t first) {
  for (int m = 0; m < micro_batches_; ++m, first += static_cast<uint64_t>(settings_.batch_size)) {
    const Tensor mask = part_of(holes_.mask, m * count_, count_);
    if (settings_.model == ModelKind::kContextEncoder) {
      const Tensor offsets = part_of(holes_.offsets, m * count_, count_);
      place_holes(settings_.block, random_, first, settings_.image_size, offsets);
      mark_squares(offsets, mask);
    } else {
      draw_holes(options_, random_, first, mask);
    }
  }
  return holes_;
}

}  // namespace inpaint
