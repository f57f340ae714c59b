// linear (contract in linear.h) by register tiles. For the dispatch in linear_cpu.cpp, which has checked
// the shapes.
#pragma once

#include "kernels/cpu/tile_cpu.h"
#include "kernels/linear/linear.h"

namespace inpaint::cpu {

// The weight gradient's rows are whole vectors, and in bf16 the features come in pairs.
template <typename T>
bool linear_tile_takes(const TileKernels<T>& kernels, const LinearShape& shape) {
  return shape.in % kernels.lanes == 0 && shape.in % kTileStep<T> == 0 && shape.out % kTileStep<T> == 0;
}

// y by dot products of rows, for which no weight is transposed. Whole vectors of inputs; not in bf16.
inline constexpr int64_t kLinearDotInputs = 16;
inline bool linear_dot_takes(const LinearShape& shape, DType dtype) {
  return dtype != DType::kBF16 && shape.in % kLinearDotInputs == 0;
}
int64_t linear_dot_workspace_bytes(const Context& ctx, const LinearShape& shape, DType dtype);
template <typename T>
void linear_dot_forward(const Context& ctx, const TileKernels<T>& kernels, const LinearShape& shape,
                        const T* x, const T* w, T* y);

// All three products, in bf16.
int64_t linear_tile_workspace_bytes(const Context& ctx, const LinearShape& shape);
void linear_tile_forward(const Context& ctx, const LinearShape& shape, const bf16* x, const bf16* w, bf16* y);
void linear_tile_backward_data(const Context& ctx, const LinearShape& shape, const bf16* dy, const bf16* w,
                               bf16* dx);
void linear_tile_backward_weight(const Context& ctx, const LinearShape& shape, const bf16* x, const bf16* dy,
                                 float* dw, GradMode mode);

}  // namespace inpaint::cpu
