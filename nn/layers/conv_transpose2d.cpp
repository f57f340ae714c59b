#include "nn/layers/conv_transpose2d.h"

#include "kernels/conv/conv2d.h"

namespace inpaint {
namespace {
// The shape of the convolution whose adjoint this is. Its input is our output.
Conv2dShape mirror(const Shape& x, int64_t out_channels) {
  return {x[0], 2 * x[1], 2 * x[2], out_channels, x[3], kHalving};
}
}  // namespace

ConvTranspose2d::ConvTranspose2d(ParameterSpec& spec, const std::string& name, int64_t in_channels,
                                 int64_t out_channels, InitialValues initial)
    : Layer(name),
      in_channels_(in_channels),
      out_channels_(out_channels),
      weight_(spec.weight(name + ".weight", {in_channels, kHalving.kernel, kHalving.kernel, out_channels},
                          initial, CheckpointLayout::kKernelLast)) {}

Shape ConvTranspose2d::out_shape(const Shape& x) const {
  if (x.rank() != 4 || x[3] != in_channels_)
    throw ShapeError(fmt::format("{}: expected [N, H, W, {}], got {}", name(), in_channels_, to_string(x)));
  return mirror(x, out_channels_).x();
}

int64_t ConvTranspose2d::workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const {
  return conv2d_workspace_bytes(ctx, mirror(x, out_channels_), dtype);
}

int64_t ConvTranspose2d::product_flop(const Shape& x) const { return mirror(x, out_channels_).flop(); }

void ConvTranspose2d::forward(const Context& ctx, const Parameters& params, const LayerForward& pass) const {
  conv2d_backward_data(ctx, kHalving, pass.x, params.factor(weight_), pass.y);
}

void ConvTranspose2d::backward(const Context& ctx, const Parameters& params,
                               const LayerBackward& pass) const {
  if (!pass.grads.skipped())
    conv2d_backward_weight(pass.grads.context_of_weights(ctx), kHalving, pass.dy, pass.x,
                           params.grad(weight_), pass.grads.grad_mode());
  if (pass.dx.data != nullptr) conv2d_forward(ctx, kHalving, pass.dy, params.factor(weight_), pass.dx);
}

}  // namespace inpaint
