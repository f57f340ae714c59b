#include "train/score/hole_source.h"

namespace inpaint {

HoleSource placed_squares(HolePlacement placement, uint64_t seed) {
  return {true, [placement, random = Philox(seed, RandomStream::kEvaluationHoles)](int64_t number,
                                                                                   const Holes& holes) {
            place_holes(placement, random, static_cast<uint64_t>(number), holes.mask.shape[1], holes.offsets);
            mark_squares(holes.offsets, holes.mask);
          }};
}

HoleSource drawn_holes(const HoleOptions& options, uint64_t seed) {
  return {false, [options, random = Philox(seed, RandomStream::kEvaluationHoles)](int64_t number,
                                                                                  const Holes& holes) {
            draw_holes(options, random, static_cast<uint64_t>(number), holes.mask);
          }};
}

}  // namespace inpaint
