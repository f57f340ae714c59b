// f32 values rounded to bf16, to the nearest, ties to even: the copy of the weights that products read.
//
//   values f32 [any]     rounded bf16, as many; overwritten
#pragma once

#include "core/device/context.h"

namespace inpaint {

void round_to_bf16(const Context& ctx, const Tensor& values, const Tensor& rounded);

}  // namespace inpaint
