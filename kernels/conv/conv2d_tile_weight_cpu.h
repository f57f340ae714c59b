// The workspace of the weight gradient by register tiles; the op itself is declared in conv2d_tile_cpu.h.
#pragma once

#include "kernels/conv/conv2d.h"

namespace inpaint::cpu {

int64_t conv2d_tile_weight_workspace_bytes(const Context& ctx, const Conv2dShape& shape, DType dtype);

}  // namespace inpaint::cpu
