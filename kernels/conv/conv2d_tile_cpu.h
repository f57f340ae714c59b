// conv2d (contract in conv2d.h) by register tiles: no im2col buffer, and products with the zero padding are
// left out. In bf16 sums are kept in f32, and dw is f32. For the dispatch in conv2d_cpu.cpp, which has
// checked the shapes.
#pragma once

#include "kernels/conv/conv2d.h"
#include "kernels/cpu/tile_cpu.h"
#include "kernels/cpu/window_product_cpu.h"

namespace inpaint::cpu {

// The halving window and, in f32 and bf16, those of stride 1. In bf16 the numbers that the products sum over
// are even: the outputs, which the data gradient sums over, and the channels or, halving, those of a window.
inline bool conv2d_tile_takes(const Conv2dShape& shape, DType dtype) {
  const bool even = shape.co % kTileStep<bf16> == 0, even_channels = shape.ci % kTileStep<bf16> == 0;
  if (shape.window == kHalving) return dtype != DType::kBF16 || even;
  return shape.window.stride == 1 && shape.window.kernel <= kMaxProductWindow && dtype != DType::kF64 &&
         (dtype != DType::kBF16 || (even && even_channels));
}

int64_t conv2d_tile_workspace_bytes(const Context& ctx, const Conv2dShape& shape, DType dtype);

template <typename T>
void conv2d_tile_forward(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& shape,
                         const T* x, const T* w, T* y);

template <typename T>
void conv2d_tile_backward_data(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& shape,
                               const T* dy, const T* w, T* dx);

template <typename T>
void conv2d_tile_backward_weight(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& shape,
                                 const T* x, const T* dy, SumOf<T>* dw, GradMode mode);

// For the files of this op.
int64_t conv2d_tile_weight_workspace_bytes(const Context& ctx, const Conv2dShape& shape, DType dtype);

}  // namespace inpaint::cpu
