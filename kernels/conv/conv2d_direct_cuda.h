// The convolution's three products in our own kernels, for the 4 x 4 window of stride 2 and any shape and
// type (conv2d.h is the contract). conv2d_cuda.cpp runs them where cuDNN has no engine, and for few channels
// where they are the fastest. Sums have one order, fixed by the shape.
#pragma once

#include "kernels/conv/conv2d.h"

namespace inpaint::cuda {

// Pictures of up to this many channels: their products are bound by memory, and padding would move more
// of it.
inline constexpr int64_t kFewChannels = 4;

void conv2d_direct_forward(const Context& ctx, const Conv2dShape& shape, const Tensor& x, const Tensor& w,
                           const Tensor& y);
void conv2d_direct_backward_data(const Context& ctx, const Conv2dShape& shape, const Tensor& dy,
                                 const Tensor& w, const Tensor& dx);

// The sums over parts of the pictures go through a workspace of this size.
int64_t conv2d_direct_backward_weight_workspace_bytes(const Conv2dShape& shape, DType dtype);
void conv2d_direct_backward_weight(const Context& ctx, const Conv2dShape& shape, const Tensor& x,
                                   const Tensor& dy, const Tensor& dw, GradMode mode, void* workspace);

}  // namespace inpaint::cuda
