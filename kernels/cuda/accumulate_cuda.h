// What is left to do where a library cannot write a weight gradient as the contract wants it.
#pragma once

#include "core/device/context.h"
#include "kernels/grad_mode.h"

namespace inpaint::cuda {

// to = from, or to += from.   from: f32, f64, or bf16 beside an f32 `to`; as many elements, both beginning at
// multiples of 16 bytes.
void accumulate(const Context& ctx, const Tensor& from, const Tensor& to, GradMode mode);

}  // namespace inpaint::cuda
