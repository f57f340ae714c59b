// sigmoid_bce on the CPU; contract in sigmoid_bce.h. One value per picture: one thread, in double.
#include <algorithm>
#include <cmath>

#include "kernels/sigmoid_bce.h"

namespace inpaint::cpu {

void sigmoid_bce(const Context&, const Tensor& logits, double label, double weight, const Tensor& loss,
                 const Tensor& correct, const Tensor* dlogits) {
  const int64_t n = logits.elements();
  visit_activation_type(logits.dtype, [&]<typename T>(T) {
    const T* values = logits.as<T>();
    double sum = 0, right = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double x = static_cast<double>(ArithmeticOf<T>{values[i]});
      const double e = std::exp(-std::abs(x));  // at most 1: no overflow on either side
      const double sigmoid = (x >= 0 ? 1 : e) / (1 + e);
      sum += std::max(x, 0.0) - x * label + std::log1p(e);
      if ((sigmoid > 0.5 ? 1 : 0) == label) ++right;
      if (dlogits != nullptr)
        dlogits->as<T>()[i] = static_cast<T>(weight * (sigmoid - label) / static_cast<double>(n));
    }
    *loss.as<double>() = sum / static_cast<double>(n);
    *correct.as<double>() = right;
  });
}

}  // namespace inpaint::cpu
