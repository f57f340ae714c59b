#include "kernels/linear/spectral_norm.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(spectral_norm_workspace_bytes)
INPAINT_DECLARE_DEVICES(spectral_norm)
INPAINT_DECLARE_DEVICES(spectral_norm_backward)

namespace {

void expect_matrix(const Shape& weight) {
  if (weight.rank() < 2 || weight.elements() == 0)
    throw ShapeError(fmt::format("spectral_norm weight: expected [K, ...], got {}", to_string(weight)));
}

void expect_norm(const Tensor& weight, const SpectralNorm& norm) {
  expect_matrix(weight.shape);
  const int64_t k = weight.shape[0];
  expect_shape("spectral_norm next_u", norm.next_u, {k}, weight.dtype);
  expect_shape("spectral_norm v", norm.v, {weight.elements() / k}, weight.dtype);
  expect_shape("spectral_norm sigma", norm.sigma, {1}, weight.dtype);
}

}  // namespace

int64_t spectral_norm_workspace_bytes(const Context& ctx, const Shape& weight) {
  expect_matrix(weight);
  return INPAINT_DISPATCH(ctx, spectral_norm_workspace_bytes, weight);
}

void spectral_norm(const Context& ctx, const Tensor& weight, const Tensor& u, const SpectralNorm& out,
                   const Tensor& normed) {
  expect_norm(weight, out);
  expect_shape("spectral_norm u", u, {weight.shape[0]}, weight.dtype);
  if (out.next_u.data == u.data) throw ShapeError("spectral_norm next_u: it is u");
  expect_shape("spectral_norm normed", normed, weight.shape);
  expect_shape("spectral_norm weight", weight, normed.shape, parameter_dtype(normed.dtype));
  INPAINT_DISPATCH(ctx, spectral_norm, weight, u, out, normed);
}

void spectral_norm_backward(const Context& ctx, const Tensor& dnormed, const Tensor& weight,
                            const SpectralNorm& norm, const Tensor& dweight, GradMode mode) {
  expect_norm(weight, norm);
  expect_shape("spectral_norm dnormed", dnormed, weight.shape, weight.dtype);
  expect_shape("spectral_norm dweight", dweight, weight.shape, weight.dtype);
  INPAINT_DISPATCH(ctx, spectral_norm_backward, dnormed, weight, norm, dweight, mode);
}

}  // namespace inpaint
