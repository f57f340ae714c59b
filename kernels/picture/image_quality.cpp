#include "kernels/picture/image_quality.h"

#include <cmath>

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(byte_errors)
INPAINT_DECLARE_DEVICES(ssim_workspace_bytes)
INPAINT_DECLARE_DEVICES(ssim)

namespace {

void expect_pictures(const char* op, const Tensor& a, const Tensor& b, const Tensor& mask) {
  if (a.shape.rank() != 4 || a.dtype != DType::kU8)
    throw ShapeError(
        fmt::format("{}: expected u8 of rank 4, got {} {}", op, to_string(a.dtype), to_string(a.shape)));
  expect_shape(op, b, a.shape, DType::kU8);
  if (mask.data != nullptr) expect_shape(op, mask, {a.shape[0], a.shape[1], a.shape[2]}, DType::kU8);
}

}  // namespace

void byte_errors(const Context& ctx, const Tensor& a, const Tensor& b, const Tensor& mask,
                 const Tensor& absolute_error, const Tensor& squared_error) {
  expect_pictures("byte_errors", a, b, mask);
  expect_shape("byte_errors absolute_error", absolute_error, {a.shape[0]}, DType::kF64);
  expect_shape("byte_errors squared_error", squared_error, {a.shape[0]}, DType::kF64);
  INPAINT_DISPATCH(ctx, byte_errors, a, b, mask, absolute_error, squared_error);
}

std::optional<double> psnr(double squared_error, double values) {
  if (squared_error == 0) return std::nullopt;
  return 10 * std::log10(255.0 * 255.0 * values / squared_error);
}

int64_t ssim_workspace_bytes(const Context& ctx, const Shape& a) {
  return INPAINT_DISPATCH(ctx, ssim_workspace_bytes, a);
}

void ssim(const Context& ctx, const Tensor& a, const Tensor& b, const Tensor& mask, const Tensor& ssim) {
  expect_pictures("ssim", a, b, mask);
  expect_shape("ssim", ssim, {a.shape[0]}, DType::kF64);
  if (a.shape[1] < kSsimWindow || a.shape[2] < kSsimWindow)
    throw ShapeError(fmt::format("ssim: {} is smaller than the window of 7 x 7 pixels", to_string(a.shape)));
  INPAINT_DISPATCH(ctx, ssim, a, b, mask, ssim);
}

}  // namespace inpaint
