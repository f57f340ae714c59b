// y += x: sums the gradients that reach a value from two consumers.
//
//   x, y of one shape, any; both bf16, f32 or f64; y is rounded once
// x and y do not overlap. The gradients with respect to both are that of the sum. Throws ShapeError for a
// wrong tensor.
#pragma once

#include "core/device/context.h"

namespace inpaint {

void add(const Context& ctx, const Tensor& x, const Tensor& y);

}  // namespace inpaint
