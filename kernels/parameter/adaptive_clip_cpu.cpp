// adaptive_clip on the CPU; contract in adaptive_clip.h.
#include <algorithm>
#include <cmath>

#include "kernels/parameter/adaptive_clip.h"

namespace inpaint::cpu {

void adaptive_clip(const Context&, const Tensor& squares, const Tensor& mean, const Tensor& scale) {
  const double t = std::sqrt(*squares.as<double>());
  double &m = *mean.as<double>(), &factor = *scale.as<double>();
  factor = 1;
  if (!std::isfinite(t)) return;
  m = m == 0 ? t : (1 - kClipMeanRate) * m + kClipMeanRate * std::min(t, kClipFactor * m);
  if (t > kClipFactor * m) factor = kClipFactor * m / t;
}

}  // namespace inpaint::cpu
