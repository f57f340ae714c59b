#include "kernels/loss/sigmoid_bce.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(sigmoid_bce)

void sigmoid_bce(const Context& ctx, std::span<const SigmoidBce> batches) {
  if (batches.empty()) return;
  for (const SigmoidBce& b : batches) {
    const int64_t n = b.logits.elements();
    const DType dtype = batches.front().logits.dtype;
    if (n == 0) throw ShapeError("sigmoid_bce logits: the batch is empty");
    expect_shape("sigmoid_bce logits", b.logits, {n, 1}, dtype);
    expect_shape("sigmoid_bce loss", b.loss, {1}, DType::kF64);
    expect_shape("sigmoid_bce correct", b.correct, {1}, DType::kF64);
    if (b.dlogits.data != nullptr) expect_shape("sigmoid_bce dlogits", b.dlogits, {n, 1}, dtype);
    INPAINT_CHECK(b.label == 0 || b.label == 1, "sigmoid_bce: label {}", b.label);
  }
  INPAINT_DISPATCH(ctx, sigmoid_bce, batches);
}

}  // namespace inpaint
