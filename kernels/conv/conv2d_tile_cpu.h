// conv2d (contract in conv2d.h) by register tiles: no im2col buffer, and products with the zero padding are
// left out. In bf16 sums are kept in f32, and dw is f32. For the dispatch in conv2d_cpu.cpp, which has
// checked the shapes.
#pragma once

#include "kernels/conv/conv2d.h"
#include "kernels/cpu/tile_cpu.h"

namespace inpaint::cpu {

// In bf16 the tiles take an even number of outputs (they are what the data gradient sums over).
inline bool conv2d_tile_takes(const Conv2dShape& shape, DType dtype) {
  return shape.window == kHalving && (dtype != DType::kBF16 || shape.co % kTileStep<bf16> == 0);
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

}  // namespace inpaint::cpu
