// Pixels in [-1, 1] as bytes.
//
//   bytes[i] = truncate(clamp(values[i] * 127.5 + 127.5, 0, 255));  NaN becomes 0
//
//   values bf16, f32 or f64, any shape      bytes u8, the same shape, overwritten
//
// Product and sum are each rounded to float, on every device. Truncation makes this part of the contract:
// with a fused multiply-add, or in double, (b - 127.5f) / 127.5f comes back as b - 1 for 63 or 127 of the 256
// bytes; so rounded, every byte comes back as itself.
#pragma once

#include "core/device/context.h"

namespace inpaint {

void to_bytes(const Context& ctx, const Tensor& values, const Tensor& bytes);

}  // namespace inpaint
