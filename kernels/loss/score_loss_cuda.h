// Losses of batches of scores on CUDA. A batch has one score per picture: it is one block's, which sums in
// double in a fixed order; the launch bounds the time. An op gives the formula of one score:
//
//   struct Formula { __device__ ScoreLoss operator()(double score) const; };
#pragma once

#include <algorithm>
#include <span>

#include "core/device/context.h"
#include "kernels/cuda/block_sum_cuda.h"
#include "kernels/cuda/values_cuda.h"

namespace inpaint::cuda {

// What a score adds to its batch's sums, and the derivative of its loss.
struct ScoreLoss {
  double loss, derivative;
  bool correct;
};

template <typename T, typename Formula>
struct ScoreBatch {
  const T* scores;
  int64_t n;
  Formula formula;
  double weight;
  double *loss, *correct;
  T* dscores;  // may be null
};

// The batches of a launch, an argument of the kernel: CUDA takes 4 KiB of them.
template <typename T, typename Formula>
struct ScoreBatches {
  static constexpr size_t kMost = 32;
  ScoreBatch<T, Formula> list[kMost];
};

template <typename T, typename Formula>
__global__ void __launch_bounds__(kBlockThreads) score_loss_kernel(ScoreBatches<T, Formula> batches) {
  const ScoreBatch<T, Formula>& b = batches.list[blockIdx.x];
  const double n = static_cast<double>(b.n);
  double sum = 0, right = 0;
  for (int64_t i = threadIdx.x; i < b.n; i += kBlockThreads) {
    const ScoreLoss value = b.formula(static_cast<double>(value_of(b.scores[i])));
    sum += value.loss;
    if (value.correct) ++right;
    if (b.dscores != nullptr)
      b.dscores[i] = rounded_to<T>(static_cast<Compute<T>>(b.weight * value.derivative / n));
  }
  sum = block_sum(sum);
  __syncthreads();
  right = block_sum(right);
  if (threadIdx.x != 0) return;
  *b.loss = sum / n;
  *b.correct = right;
}

// One launch for every kMost batches. score_batch gives the ScoreBatch<T, Formula> of an op's batch; T comes
// as a value of that type.
template <typename Formula, typename Batch, typename Make>
void score_losses(const char* op, const Context& ctx, std::span<const Batch> batches, DType dtype,
                  const Make& score_batch) {
  visit_activation_type(dtype, [&]<typename T>(T type) {
    using Batches = ScoreBatches<DeviceType<T>, Formula>;
    while (!batches.empty()) {
      const auto first = batches.first(std::min(batches.size(), Batches::kMost));
      Batches some = {};
      std::ranges::transform(first, some.list, [&](const Batch& b) { return score_batch(type, b); });
      launch(op, ctx.stream(), dim3(static_cast<unsigned>(first.size())), dim3(kBlockThreads), 0,
             score_loss_kernel<DeviceType<T>, Formula>, some);
      batches = batches.subspan(first.size());
    }
  });
}

}  // namespace inpaint::cuda
