// What a GPU computes of the values of several ranks, which lie in its memory: those of the other ranks one
// behind the other, in the order of the ranks, and its own. Each is the CPU's arithmetic (core/ranks/ranks.h,
// nn/layers/batch_norm.h): in double, in the order of the ranks.
#pragma once

#include "core/device/context.h"
#include "core/device/tensor.h"

namespace inpaint::cuda {

// others [(K - 1) n], values [n], both f32 or f64: values = share * the sum over the K ranks, of which this
// one is number `rank`; rounded once.
void sum_over_ranks(const Context& ctx, const Tensor& others, int rank, double share, const Tensor& values);

// others [(K - 1) 2 C]: of each rank C means and C variances over as many rows; mean and variance [C] of this
// rank. They become those of all rows: of the means m and the variances v of the ranks,
//   mean = sum m / K        variance = sum (v + (m - mean)^2) / K
void merge_over_ranks(const Context& ctx, const Tensor& others, int rank, const Tensor& mean,
                      const Tensor& variance);

}  // namespace inpaint::cuda
