// hinge on the CPU; contract in hinge.h. One value per picture: one thread, in double.
#include "kernels/loss/hinge.h"

namespace inpaint::cpu {
namespace {

void judge(const Hinge& b) {
  const int64_t n = b.scores.elements();
  const double sign = b.side == HingeSide::kFake ? -1 : 1;
  visit_activation_type(b.scores.dtype, [&]<typename T>(T) {
    const T* values = b.scores.as<T>();
    T* const dscores = b.dscores.data == nullptr ? nullptr : b.dscores.as<T>();
    double sum = 0, right = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double x = sign * static_cast<double>(ArithmeticOf<T>{values[i]});
      const bool counts = b.side == HingeSide::kPraised || x < 1;
      if (counts) sum += b.side == HingeSide::kPraised ? -x : 1 - x;
      if (b.side == HingeSide::kFake ? x >= 0 : x > 0) ++right;
      if (dscores != nullptr)
        dscores[i] = static_cast<T>(counts ? -sign * b.weight / static_cast<double>(n) : 0.0);
    }
    *b.loss.as<double>() = sum / static_cast<double>(n);
    *b.correct.as<double>() = right;
  });
}

}  // namespace

void hinge(const Context&, std::span<const Hinge> batches) {
  for (const Hinge& b : batches) judge(b);
}

}  // namespace inpaint::cpu
