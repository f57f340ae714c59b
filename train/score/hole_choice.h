// What a user can say about the holes of an evaluation.
#pragma once

#include <cstdint>
#include <string>

#include "train/holes/mask_files.h"
#include "train/score/hole_source.h"

namespace inpaint {

struct HoleChoice {
  HoleForm form = HoleForm::kSquare;             // squares: of half the side
  HolePlacement block = HolePlacement::kRandom;  // of squares
  int64_t seed = 1;
  double min_hole = 0.1, max_hole = 0.4;  // shares of the picture, for box, strokes, blobs and mixed
  std::string masks = {};                 // for files: a folder of mask pictures, or a list of them
  MaskPolarity mask_value = MaskPolarity::kWhiteIsHole;
  std::string file = {};  // holes that were saved, in the place of all of these; empty: none
};

// UserError when the parts do not go together.
void check_hole_choice(const HoleChoice& choice);

// The holes of `count` pictures of S x S pixels. UserError when the choice cannot be met.
HoleSource open_holes(const HoleChoice& choice, int64_t count, int64_t image_size);

// One line that says what the holes are: "holes of 64 x 64, random (seed 1)".
std::string hole_text(const HoleChoice& choice, int64_t image_size);

}  // namespace inpaint
