// Initial values: element i of the tensor is deviation * the i-th number of the Philox stream, so the values
// depend on (seed, stream, part) alone and not on threads, devices or the order of tensors.
//
//   fill_normal            normal, mean 0
//   fill_truncated_normal  normal, mean 0, drawn again beyond two deviations
//
// values f32 or f64 (the f32 values are the f64 ones rounded).
#pragma once

#include "core/base/philox.h"
#include "core/device/context.h"

namespace inpaint {

void fill_normal(const Context& ctx, const Philox& random, double deviation, const Tensor& values);
void fill_truncated_normal(const Context& ctx, const Philox& random, double deviation, const Tensor& values);
void fill_constant(const Context& ctx, double value, const Tensor& values);

}  // namespace inpaint
