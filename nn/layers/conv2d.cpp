#include "nn/layers/conv2d.h"

#include "kernels/conv/conv2d.h"

namespace inpaint {
namespace {
Conv2dShape conv_shape(const Shape& x, int64_t out_channels) {
  return {x[0], x[1], x[2], x[3], out_channels};
}
}  // namespace

Conv2d::Conv2d(ParameterSpec& spec, std::string name, int64_t in_channels, int64_t out_channels)
    : Layer(name),
      in_channels_(in_channels),
      out_channels_(out_channels),
      weight_(spec.weight(name + ".weight",
                          {out_channels, Conv2dShape::kKernel, Conv2dShape::kKernel, in_channels},
                          InitialValues::kTruncatedNormal, CheckpointLayout::kKernelLast)) {}

Shape Conv2d::out_shape(const Shape& x) const {
  if (x.rank() != 4 || x[3] != in_channels_ || x[1] % 2 != 0 || x[2] % 2 != 0)
    throw ShapeError(
        fmt::format("{}: expected [N, even, even, {}], got {}", name(), in_channels_, to_string(x)));
  return conv_shape(x, out_channels_).y();
}

int64_t Conv2d::workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const {
  return conv2d_workspace_bytes(ctx, conv_shape(x, out_channels_), dtype);
}

int64_t Conv2d::product_flop(const Shape& x) const { return conv_shape(x, out_channels_).flop(); }

void Conv2d::forward(const Context& ctx, const Parameters& params, const Tensor& x, const Tensor& y,
                     std::span<const Tensor>, Statistics) const {
  conv2d_forward(ctx, x, params.factor(weight_), y);
}

void Conv2d::backward(const Context& ctx, const Parameters& params, const Tensor& x, const Tensor&,
                      const Tensor& dy, const Tensor* dx, ParameterGrads grads,
                      std::span<const Tensor>) const {
  if (!grads.skipped())
    conv2d_backward_weight(grads.context_of_weights(ctx), x, dy, params.grad(weight_), grads.grad_mode());
  if (dx != nullptr) conv2d_backward_data(ctx, dy, params.factor(weight_), *dx);
}

}  // namespace inpaint
