// Which scores of a patch discriminator see the hole: those whose field touches a missing pixel. They are the
// weights of hinge.h for painted pictures.
//
//   weights[n,i,j,0] = 1 where a pixel of the field of score (i, j) is missing in picture n, else 0
//
//   mask u8 [N, H, W]           0 is known, every other byte is missing
//   weights [N, h, w, 1]        bf16, f32 or f64; overwritten
//
// The field of score (i, j) is the square of pixels whose rows are field.first + i * field.stride and the
// field.size - 1 that follow, and whose columns are likewise those of j. It may reach beyond the picture,
// where nothing is missing.
#pragma once

#include "core/device/context.h"

namespace inpaint {

// The pixels that a score depends on. size and stride are at least 1; first is the first row of the field of
// score 0, below 0 where the layers pad.
struct PatchField {
  int64_t size, stride, first;
};

void hole_patches(const Context& ctx, const PatchField& field, const Tensor& mask, const Tensor& weights);

}  // namespace inpaint
