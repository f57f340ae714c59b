// The workspace of the weight gradient of conv2d_winograd_cpu.h.
#pragma once

#include "kernels/conv/conv2d.h"
#include "kernels/cpu/tile_cpu.h"

namespace inpaint::cpu {

template <typename T>
int64_t conv2d_winograd_weight_workspace_bytes(const Context& ctx, const TileKernels<T>& kernels,
                                               const Conv2dShape& shape);

}  // namespace inpaint::cpu
