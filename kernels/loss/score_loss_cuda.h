// Losses of batches of scores on CUDA. A batch has few scores, one for each picture or patch: one block sums
// it, in double and in a fixed order. The launch bounds the time. An op gives the formula of one score:
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
  T* dscores;        // may be null
  const T* weights;  // may be null: all scores count
};

// The batches of a launch, an argument of the kernel: CUDA takes 4 KiB of them.
template <typename T, typename Formula>
struct ScoreBatches {
  static constexpr size_t kMost = 32;
  ScoreBatch<T, Formula> list[kMost];
};

// The number of scores that count, in every thread. All threads of the block call this, once in a kernel.
template <typename T>
__device__ double block_count(const T* weights, int64_t n) {
  __shared__ double count;
  double mine = 0;
  for (int64_t i = threadIdx.x; i < n; i += kBlockThreads) mine += value_of(weights[i]) != 0 ? 1 : 0;
  mine = block_sum(mine);
  if (threadIdx.x == 0) count = mine;
  __syncthreads();
  return count;
}

template <typename T, typename Formula>
__global__ void __launch_bounds__(kBlockThreads) score_loss_kernel(ScoreBatches<T, Formula> batches) {
  const ScoreBatch<T, Formula>& b = batches.list[blockIdx.x];
  const double n = b.weights == nullptr ? static_cast<double>(b.n) : block_count(b.weights, b.n);
  double sum = 0, right = 0;
  for (int64_t i = threadIdx.x; i < b.n; i += kBlockThreads) {
    if (b.weights != nullptr && value_of(b.weights[i]) == 0) {
      if (b.dscores != nullptr) b.dscores[i] = rounded_to<T>(Compute<T>(0));
      continue;
    }
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
  *b.loss = n == 0 ? 0 : sum / n;
  *b.correct = right;
}

// What ops name differently in their batches. gradient and weights may be empty.
template <typename Formula>
struct Scores {
  const Tensor& values;
  Formula formula;
  const Tensor& gradient;
  Tensor weights = {};
};

// One launch for every kMost batches. scores_of gives the Scores of an op's batch.
template <typename Batch, typename Find>
void score_losses(const char* op, const Context& ctx, std::span<const Batch> batches, const Find& scores_of) {
  using Formula = decltype(scores_of(batches.front()).formula);
  visit_activation_type(scores_of(batches.front()).values.dtype, [&]<typename T>(T) {
    using Batches = ScoreBatches<DeviceType<T>, Formula>;
    while (!batches.empty()) {
      const auto first = batches.first(std::min(batches.size(), Batches::kMost));
      Batches some = {};
      std::ranges::transform(first, some.list, [&](const Batch& b) -> ScoreBatch<DeviceType<T>, Formula> {
        const Scores<Formula> scores = scores_of(b);
        return {data_of<T>(scores.values),
                scores.values.elements(),
                scores.formula,
                b.weight,
                b.loss.template as<double>(),
                b.correct.template as<double>(),
                scores.gradient.data == nullptr ? nullptr : data_of<T>(scores.gradient),
                scores.weights.data == nullptr ? nullptr : data_of<T>(scores.weights)};
      });
      launch(op, ctx.stream(), dim3(static_cast<unsigned>(first.size())), dim3(kBlockThreads), 0,
             score_loss_kernel<DeviceType<T>, Formula>, some);
      batches = batches.subspan(first.size());
    }
  });
}

}  // namespace inpaint::cuda
