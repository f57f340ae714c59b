// The linear layer's three products in kernels of our own. linear_cuda.cpp runs them for layers of few
// outputs, and for a product that cuBLASLt has no algorithm for. linear.h is the contract. None needs
// workspace. Each sum has one order, which the shape fixes.
#pragma once

#include "kernels/linear/linear.h"

namespace inpaint::cuda {

// Layers of at most this many outputs: their products read x once and do little else. cuBLASLt's tiles would
// be nearly empty.
inline constexpr int64_t kFewOutputs = 4;

void linear_direct_forward(const Context& ctx, const Tensor& x, const Tensor& w, const Tensor& y);
void linear_direct_backward_data(const Context& ctx, const Tensor& dy, const Tensor& w, const Tensor& dx);
void linear_direct_backward_weight(const Context& ctx, const Tensor& x, const Tensor& dy, const Tensor& dw,
                                   GradMode mode);

}  // namespace inpaint::cuda
