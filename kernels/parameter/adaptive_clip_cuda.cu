// adaptive_clip on CUDA; contract in adaptive_clip.h. One thread: three numbers.
#include "kernels/cuda/launch.h"
#include "kernels/parameter/adaptive_clip.h"

namespace inpaint::cuda {
namespace {

__global__ void adaptive_clip_kernel(const double* __restrict__ squares, double* __restrict__ mean,
                                     double* __restrict__ scale) {
  const double t = sqrt(*squares);
  double factor = 1;
  if (isfinite(t)) {
    const double old = *mean;
    const double m = old == 0 ? t : (1 - kClipMeanRate) * old + kClipMeanRate * fmin(t, kClipFactor * old);
    if (t > kClipFactor * m) factor = kClipFactor * m / t;
    *mean = m;
  }
  *scale = factor;
}

}  // namespace

void adaptive_clip(const Context& ctx, const Tensor& squares, const Tensor& mean, const Tensor& scale) {
  launch("adaptive_clip", ctx.stream(), dim3(1), dim3(1), 0, adaptive_clip_kernel, squares.as<double>(),
         mean.as<double>(), scale.as<double>());
}

}  // namespace inpaint::cuda
