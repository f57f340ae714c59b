// sigmoid_bce on the CPU; contract in sigmoid_bce.h. One value per picture: one thread, in double.
#include <algorithm>
#include <cmath>

#include "kernels/loss/sigmoid_bce.h"

namespace inpaint::cpu {
namespace {

void judge(const SigmoidBce& b) {
  const int64_t n = b.logits.elements();
  visit_activation_type(b.logits.dtype, [&]<typename T>(T) {
    const T* values = b.logits.as<T>();
    T* const dlogits = b.dlogits.data == nullptr ? nullptr : b.dlogits.as<T>();
    double sum = 0, right = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double x = static_cast<double>(ArithmeticOf<T>{values[i]});
      const double e = std::exp(-std::abs(x));  // at most 1: no overflow on either side
      const double sigmoid = (x >= 0 ? 1 : e) / (1 + e);
      sum += std::max(x, 0.0) - x * b.label + std::log1p(e);
      if ((sigmoid > 0.5 ? 1 : 0) == b.label) ++right;
      if (dlogits != nullptr)
        dlogits[i] = static_cast<T>(b.weight * (sigmoid - b.label) / static_cast<double>(n));
    }
    *b.loss.as<double>() = sum / static_cast<double>(n);
    *b.correct.as<double>() = right;
  });
}

}  // namespace

void sigmoid_bce(const Context&, std::span<const SigmoidBce> batches) {
  for (const SigmoidBce& b : batches) judge(b);
}

}  // namespace inpaint::cpu
