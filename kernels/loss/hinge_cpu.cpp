// hinge on the CPU; contract in hinge.h. A few values per picture: one thread, in double.
#include "kernels/loss/hinge.h"

namespace inpaint::cpu {
namespace {

void judge(const Hinge& b) {
  const int64_t n = b.scores.elements();
  const double sign = b.side == HingeSide::kFake ? -1 : 1;
  visit_activation_type(b.scores.dtype, [&]<typename T>(T) {
    const T* values = b.scores.as<T>();
    T* const dscores = b.dscores.data == nullptr ? nullptr : b.dscores.as<T>();
    const T* const weights = b.weights.data == nullptr ? nullptr : b.weights.as<T>();
    const auto is_left_out = [=](int64_t i) {
      return weights != nullptr && ArithmeticOf<T>{weights[i]} == 0;
    };
    double sum = 0, right = 0, total = 0;
    for (int64_t i = 0; i < n; ++i) total += is_left_out(i) ? 0 : 1;
    for (int64_t i = 0; i < n; ++i) {
      if (is_left_out(i)) {
        if (dscores != nullptr) dscores[i] = static_cast<T>(0.0f);
        continue;
      }
      const double x = sign * static_cast<double>(ArithmeticOf<T>{values[i]});
      const bool counts = b.side == HingeSide::kPraised || x < 1;
      if (counts) sum += b.side == HingeSide::kPraised ? -x : 1 - x;
      if (b.side == HingeSide::kFake ? x >= 0 : x > 0) ++right;
      if (dscores != nullptr) dscores[i] = static_cast<T>(counts ? -sign * b.weight / total : 0.0);
    }
    *b.loss.as<double>() = total == 0 ? 0 : sum / total;
    *b.correct.as<double>() = right;
  });
}

}  // namespace

void hinge(const Context&, std::span<const Hinge> batches) {
  for (const Hinge& b : batches) judge(b);
}

}  // namespace inpaint::cpu
