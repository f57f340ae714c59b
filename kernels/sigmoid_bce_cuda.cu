// sigmoid_bce on CUDA; contract in sigmoid_bce.h. One value per picture: one block, in double, bound by its launch.
#include "kernels/block_sum_cuda.h"
#include "kernels/sigmoid_bce.h"
#include "kernels/values_cuda.h"

namespace inpaint::cuda {
namespace {

template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    sigmoid_bce_kernel(const T* __restrict__ logits, int64_t n, double label, double weight,
                       double* __restrict__ loss, double* __restrict__ correct, T* __restrict__ dlogits) {
  double sum = 0, right = 0;
  for (int64_t i = threadIdx.x; i < n; i += kBlockThreads) {
    const double x = value_of(logits[i]);
    const double e = exp(-fabs(x));  // at most 1: no overflow on either side
    const double sigmoid = (x >= 0 ? 1 : e) / (1 + e);
    sum += fmax(x, 0.0) - x * label + log1p(e);
    if ((sigmoid > 0.5 ? 1 : 0) == label) ++right;
    if (dlogits != nullptr)
      dlogits[i] =
          rounded_to<T>(static_cast<Compute<T>>(weight * (sigmoid - label) / static_cast<double>(n)));
  }
  sum = block_sum(sum);
  __syncthreads();
  right = block_sum(right);
  if (threadIdx.x != 0) return;
  *loss = sum / static_cast<double>(n);
  *correct = right;
}

}  // namespace

void sigmoid_bce(const Context& ctx, const Tensor& logits, double label, double weight, const Tensor& loss,
                 const Tensor& correct, const Tensor* dlogits) {
  visit_activation_type(logits.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    launch("sigmoid_bce", ctx.stream(), dim3(1), dim3(kBlockThreads), 0, sigmoid_bce_kernel<D>,
           data_of<T>(logits), logits.elements(), label, weight, loss.as<double>(), correct.as<double>(),
           dlogits == nullptr ? nullptr : data_of<T>(*dlogits));
  });
}

}  // namespace inpaint::cuda
