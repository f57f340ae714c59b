#include "kernels/loss/hinge.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(hinge)

void hinge(const Context& ctx, std::span<const Hinge> batches) {
  if (batches.empty()) return;
  for (const Hinge& b : batches) {
    const int64_t n = b.scores.elements();
    const DType dtype = batches.front().scores.dtype;
    if (n == 0) throw ShapeError("hinge scores: the batch is empty");
    expect_shape("hinge scores", b.scores, {n, 1}, dtype);
    expect_shape("hinge loss", b.loss, {1}, DType::kF64);
    expect_shape("hinge correct", b.correct, {1}, DType::kF64);
    if (b.dscores.data != nullptr) expect_shape("hinge dscores", b.dscores, {n, 1}, dtype);
  }
  INPAINT_DISPATCH(ctx, hinge, batches);
}

}  // namespace inpaint
