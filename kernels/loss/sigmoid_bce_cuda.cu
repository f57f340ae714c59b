// sigmoid_bce on CUDA; contract in sigmoid_bce.h. One value per picture: one block for each batch, in
// double, bound by the launch.
#include "kernels/cuda/block_sum_cuda.h"
#include "kernels/cuda/values_cuda.h"
#include "kernels/loss/sigmoid_bce.h"

namespace inpaint::cuda {
namespace {

// The batches of a launch, an argument of the kernel: CUDA takes 4 KiB of them.
template <typename T>
struct Batches {
  static constexpr size_t kMost = 32;
  struct Batch {
    const T* logits;
    int64_t n;
    double label, weight;
    double *loss, *correct;
    T* dlogits;  // may be null
  } list[kMost];
};

template <typename T>
__global__ void __launch_bounds__(kBlockThreads) sigmoid_bce_kernel(Batches<T> batches) {
  const auto& b = batches.list[blockIdx.x];
  double sum = 0, right = 0;
  for (int64_t i = threadIdx.x; i < b.n; i += kBlockThreads) {
    const double x = value_of(b.logits[i]);
    const double e = exp(-fabs(x));  // at most 1: no overflow on either side
    const double sigmoid = (x >= 0 ? 1 : e) / (1 + e);
    sum += fmax(x, 0.0) - x * b.label + log1p(e);
    if ((sigmoid > 0.5 ? 1 : 0) == b.label) ++right;
    if (b.dlogits != nullptr)
      b.dlogits[i] =
          rounded_to<T>(static_cast<Compute<T>>(b.weight * (sigmoid - b.label) / static_cast<double>(b.n)));
  }
  sum = block_sum(sum);
  __syncthreads();
  right = block_sum(right);
  if (threadIdx.x != 0) return;
  *b.loss = sum / static_cast<double>(b.n);
  *b.correct = right;
}

}  // namespace

void sigmoid_bce(const Context& ctx, std::span<const SigmoidBce> batches) {
  visit_activation_type(batches.front().logits.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    constexpr size_t kMost = Batches<D>::kMost;
    for (; !batches.empty(); batches = batches.subspan(std::min(batches.size(), kMost))) {
      Batches<D> some = {};
      unsigned count = 0;
      for (const SigmoidBce& b : batches.first(std::min(batches.size(), kMost)))
        some.list[count++] = {data_of<T>(b.logits),
                              b.logits.elements(),
                              b.label,
                              b.weight,
                              b.loss.as<double>(),
                              b.correct.as<double>(),
                              b.dlogits.data == nullptr ? nullptr : data_of<T>(b.dlogits)};
      launch("sigmoid_bce", ctx.stream(), dim3(count), dim3(kBlockThreads), 0, sigmoid_bce_kernel<D>, some);
    }
  });
}

}  // namespace inpaint::cuda
