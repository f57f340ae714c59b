// hinge on CUDA; contract in hinge.h. One value per picture: one block for each batch, in double, bound by
// the launch.
#include "kernels/cuda/block_sum_cuda.h"
#include "kernels/cuda/values_cuda.h"
#include "kernels/loss/hinge.h"

namespace inpaint::cuda {
namespace {

// The batches of a launch, an argument of the kernel: CUDA takes 4 KiB of them.
template <typename T>
struct Batches {
  static constexpr size_t kMost = 32;
  struct Batch {
    const T* scores;
    int64_t n;
    HingeSide side;
    double weight;
    double *loss, *correct;
    T* dscores;  // may be null
  } list[kMost];
};

template <typename T>
__global__ void __launch_bounds__(kBlockThreads) hinge_kernel(Batches<T> batches) {
  const auto& b = batches.list[blockIdx.x];
  const bool fake = b.side == HingeSide::kFake, praised = b.side == HingeSide::kPraised;
  const double sign = fake ? -1 : 1;
  double sum = 0, right = 0;
  for (int64_t i = threadIdx.x; i < b.n; i += kBlockThreads) {
    const double x = sign * static_cast<double>(value_of(b.scores[i]));
    const bool counts = praised || x < 1;
    if (counts) sum += praised ? -x : 1 - x;
    if (fake ? x >= 0 : x > 0) ++right;
    if (b.dscores != nullptr)
      b.dscores[i] =
          rounded_to<T>(static_cast<Compute<T>>(counts ? -sign * b.weight / static_cast<double>(b.n) : 0.0));
  }
  sum = block_sum(sum);
  __syncthreads();
  right = block_sum(right);
  if (threadIdx.x != 0) return;
  *b.loss = sum / static_cast<double>(b.n);
  *b.correct = right;
}

}  // namespace

void hinge(const Context& ctx, std::span<const Hinge> batches) {
  visit_activation_type(batches.front().scores.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    constexpr size_t kMost = Batches<D>::kMost;
    for (; !batches.empty(); batches = batches.subspan(std::min(batches.size(), kMost))) {
      Batches<D> some = {};
      unsigned count = 0;
      for (const Hinge& b : batches.first(std::min(batches.size(), kMost)))
        some.list[count++] = {data_of<T>(b.scores),
                              b.scores.elements(),
                              b.side,
                              b.weight,
                              b.loss.as<double>(),
                              b.correct.as<double>(),
                              b.dscores.data == nullptr ? nullptr : data_of<T>(b.dscores)};
      launch("hinge", ctx.stream(), dim3(count), dim3(kBlockThreads), 0, hinge_kernel<D>, some);
    }
  });
}

}  // namespace inpaint::cuda
