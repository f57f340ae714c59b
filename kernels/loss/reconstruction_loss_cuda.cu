// reconstruction_loss on CUDA; contract in reconstruction_loss.h. Memory-bound: fake and hidden read once,
// dfake written once (and read, where it is added to).
#include "kernels/cuda/grad_mode_cuda.h"
#include "kernels/cuda/partial_sums_cuda.h"
#include "kernels/cuda/sign_cuda.h"
#include "kernels/loss/reconstruction_loss.h"

namespace inpaint::cuda {
namespace {

// sm_90: at most 40 registers, 128-bit loads, 128-bit stores
template <ReconstructionNorm Norm, Write W, bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    reconstruction_loss_kernel(const T* __restrict__ fake, const T* __restrict__ hidden, int64_t n,
                               Compute<T> scale, T* __restrict__ dfake, LaunchSum loss) {
  constexpr int kSize = Pack<T>::kSize;
  double sum = 0;
  for (int64_t i = kSize * global_thread(); i < n; i += kSize * grid_threads()) {
    const Pack<T> fakes = load<kPacked, kSize>(fake, i, n), hiddens = load<kPacked, kSize>(hidden, i, n);
    Compute<T> gradient[kSize];
#pragma unroll
    for (int k = 0; k < kSize; ++k) {
      const Compute<T> d = value_of(fakes[k]) - value_of(hiddens[k]);  // 0 behind the end
      const double exact = d;
      if constexpr (Norm == ReconstructionNorm::kL2) {
        gradient[k] = scale * d;
        sum += exact * exact;
      } else {
        gradient[k] = scale * sign(d);
        sum += fabs(exact);
      }
    }
    write_gradient<W, kPacked>(gradient, dfake, i, n);
  }
  loss.add(sum);
}

template <ReconstructionNorm Norm, typename T>
void run(const Context& ctx, const Tensor& fake, const Tensor& hidden, double weight, const Tensor& loss,
         const Tensor* dfake, GradMode mode) {
  using D = DeviceType<T>;
  constexpr int kSize = Pack<D>::kSize;
  const int64_t n = fake.elements(), packs = (n + kSize - 1) / kSize;
  const auto scale =
      static_cast<Compute<D>>((Norm == ReconstructionNorm::kL2 ? 2 : 1) * weight / static_cast<double>(n));
  const D *fakes = data_of<T>(fake), *hiddens = data_of<T>(hidden);
  D* const dfakes = dfake == nullptr ? nullptr : data_of<T>(*dfake);
  const LaunchSum sum(ctx, blocks_1d(packs), static_cast<double>(n), loss.as<double>());
  visit_write(dfake != nullptr, mode, [&]<Write W>(std::integral_constant<Write, W>) {
    const auto kernel = can_pack<kSize>(fakes, hiddens, dfakes)
                            ? reconstruction_loss_kernel<Norm, W, true, D>
                            : reconstruction_loss_kernel<Norm, W, false, D>;
    launch_1d("reconstruction_loss", ctx.stream(), packs, kernel, fakes, hiddens, n, scale, dfakes, sum);
  });
}

}  // namespace

// Packs of two values, the least there are, make the most blocks.
int64_t reconstruction_loss_workspace_bytes(const Context& ctx, const Shape& fake) {
  return LaunchSum::workspace_bytes(ctx, blocks_1d((fake.elements() + 1) / 2));
}

void reconstruction_loss(const Context& ctx, ReconstructionNorm norm, const Tensor& fake,
                         const Tensor& hidden, double weight, const Tensor& loss, const Tensor* dfake,
                         GradMode mode) {
  visit_activation_type(fake.dtype, [&]<typename T>(T) {
    if (norm == ReconstructionNorm::kL2)
      run<ReconstructionNorm::kL2, T>(ctx, fake, hidden, weight, loss, dfake, mode);
    else
      run<ReconstructionNorm::kL1, T>(ctx, fake, hidden, weight, loss, dfake, mode);
  });
}

}  // namespace inpaint::cuda
