#include "kernels/loss/hinge.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(hinge)

void hinge(const Context& ctx, std::span<const Hinge> batches) {
  if (batches.empty()) return;
  for (const Hinge& b : batches) {
    const Shape& s = b.scores.shape;
    const DType dtype = batches.front().scores.dtype;
    if (s.elements() == 0) throw ShapeError("hinge scores: the batch is empty");
    if (s[s.rank() - 1] != 1)
      throw ShapeError(fmt::format("hinge scores: expected [..., 1], got {}", to_string(s)));
    expect_shape("hinge scores", b.scores, s, dtype);
    expect_shape("hinge loss", b.loss, {1}, DType::kF64);
    expect_shape("hinge correct", b.correct, {1}, DType::kF64);
    if (b.dscores.data != nullptr) expect_shape("hinge dscores", b.dscores, s, dtype);
    if (b.weights.data != nullptr) expect_shape("hinge weights", b.weights, s, dtype);
  }
  INPAINT_DISPATCH(ctx, hinge, batches);
}

}  // namespace inpaint
