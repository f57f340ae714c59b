// reconstruction_loss on the CPU; contract in reconstruction_loss.h. Memory-bound.
#include <cmath>

#include "kernels/cpu/grad_mode_cpu.h"
#include "kernels/cpu/lane_sum_cpu.h"
#include "kernels/cpu/sign_cpu.h"
#include "kernels/loss/reconstruction_loss.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kBlock = 16384;

int64_t blocks(int64_t elements) { return (elements + kBlock - 1) / kBlock; }

// The loss of the elements from begin to end.
template <ReconstructionNorm N, Store S, typename T>
double block_loss(int64_t begin, int64_t end, const T* fake, const T* hidden, ArithmeticOf<T> scale,
                  T* dfake) {
  LaneSum sum;
  sum.add(begin, end, [=](int64_t i) {
    const ArithmeticOf<T> d = fake[i] - hidden[i];
    if constexpr (N == ReconstructionNorm::kL2) {
      store<S>(dfake, i, scale * d);
      return static_cast<double>(d) * static_cast<double>(d);
    } else {
      store<S>(dfake, i, scale * sign(d));
      return std::abs(static_cast<double>(d));
    }
  });
  return sum.total();
}

template <ReconstructionNorm N, typename T>
void run(const Context& ctx, const Tensor& fake, const Tensor& hidden, double weight, double* partial,
         const Tensor* dfake, GradMode mode) {
  const int64_t n = fake.elements();
  const auto scale =
      static_cast<ArithmeticOf<T>>((N == ReconstructionNorm::kL2 ? 2 : 1) * weight / static_cast<double>(n));
  const T *fakes = fake.as<T>(), *hiddens = hidden.as<T>();
  T* dfakes = dfake == nullptr ? nullptr : dfake->as<T>();
  visit_store(dfake != nullptr, mode, [&]<Store S>(StoreConstant<S>) {
    ctx.parallel_blocks(n, kBlock, [&](int64_t begin, int64_t end, int) {
      partial[begin / kBlock] = block_loss<N, S>(begin, end, fakes, hiddens, scale, dfakes);
    });
  });
}

}  // namespace

int64_t reconstruction_loss_workspace_bytes(const Context&, const Shape& fake) {
  return blocks(fake.elements()) * size_of(DType::kF64);
}

void reconstruction_loss(const Context& ctx, ReconstructionNorm norm, const Tensor& fake,
                         const Tensor& hidden, double weight, const Tensor& loss, const Tensor* dfake,
                         GradMode mode) {
  double* partial =
      static_cast<double*>(ctx.workspace(cpu::reconstruction_loss_workspace_bytes(ctx, fake.shape)));
  visit_activation_type(fake.dtype, [&]<typename T>(T) {
    if (norm == ReconstructionNorm::kL2)
      run<ReconstructionNorm::kL2, T>(ctx, fake, hidden, weight, partial, dfake, mode);
    else
      run<ReconstructionNorm::kL1, T>(ctx, fake, hidden, weight, partial, dfake, mode);
  });
  *loss.as<double>() = sum_in_order(partial, blocks(fake.elements())) / static_cast<double>(fake.elements());
}

}  // namespace inpaint::cpu
