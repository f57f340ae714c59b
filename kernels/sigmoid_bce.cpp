#include "kernels/sigmoid_bce.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(sigmoid_bce)

void sigmoid_bce(const Context& ctx, const Tensor& logits, double label, double weight, const Tensor& loss,
                 const Tensor& correct, const Tensor* dlogits) {
  const int64_t n = logits.elements();
  if (n == 0) throw ShapeError("sigmoid_bce logits: the batch is empty");
  expect_shape("sigmoid_bce logits", logits, {n, 1});
  expect_shape("sigmoid_bce loss", loss, {1}, DType::kF64);
  expect_shape("sigmoid_bce correct", correct, {1}, DType::kF64);
  if (dlogits != nullptr) expect_shape("sigmoid_bce dlogits", *dlogits, logits.shape, logits.dtype);
  INPAINT_CHECK(label == 0 || label == 1, "sigmoid_bce: label {}", label);
  INPAINT_DISPATCH(ctx, sigmoid_bce, logits, label, weight, loss, correct, dlogits);
}

}  // namespace inpaint
