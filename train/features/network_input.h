// A picture as a feature network takes it.
#pragma once

#include "core/device/context.h"
#include "train/features/feature_plan.h"

namespace inpaint {

// picture u8 [1, H, W, C]; input f32 [1, size, size, channels] of the plan, overwritten:
//
//   input = (resized - mean) / deviation
//
// Grey is repeated into RGB. `resized` is bilinear between pixel centres, edge pixels repeated; where a side
// shrinks, the triangle is as wide as an output pixel, so that nothing aliases (PyTorch's
// interpolate(mode="bilinear", antialias=True)). ShapeError for RGB pictures where the network takes grey.
void make_network_input(const Context& ctx, const FeaturePlan& plan, const Tensor& picture,
                        const Tensor& input);

}  // namespace inpaint
