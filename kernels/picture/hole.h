// The square hole: cut out of a batch of byte pictures, and pasted back.
//
//   images  u8  [N, S, S, C]
//   offsets i32 [N, 2]            (row, column) of the hole's top left corner, in [0, S - H]
//   masked  f   [N, S, S, C]      (byte - 127.5) / 127.5, and 0 (mid grey) in the hole
//   hidden  f   [N, H, H, C]      the true pixels of the hole
//   fake    f   [N, H, H, C]      the painted pixels of the hole
//   inpainted f [N, S, S, C]      masked with fake in the hole; may be masked itself
//
// f is f32, f64 or bf16, alike within a call; H <= S comes from hidden's and fake's shape. Outputs
// overwritten. An offset whose hole would leave the picture throws ShapeError on the CPU; a GPU's offsets are
// not at hand to the host, and are moved to the nearest place where the hole lies inside.
#pragma once

#include "core/device/context.h"

namespace inpaint {

void cut_hole(const Context& ctx, const Tensor& images, const Tensor& offsets, const Tensor& masked,
              const Tensor& hidden);
void paste_hole(const Context& ctx, const Tensor& masked, const Tensor& fake, const Tensor& offsets,
                const Tensor& inpainted);

}  // namespace inpaint
