#include "nn/layers/conv2d.h"

namespace inpaint {

Conv2d::Conv2d(ParameterSpec& spec, const std::string& name, int64_t in_channels, int64_t out_channels,
               const Conv2dWindow& window, InitialValues initial)
    : Layer(name),
      in_channels_(in_channels),
      out_channels_(out_channels),
      window_(window),
      weight_(spec.weight(name + ".weight", {out_channels, window.kernel, window.kernel, in_channels},
                          initial, CheckpointLayout::kKernelLast)) {}

Shape Conv2d::out_shape(const Shape& x) const {
  if (x.rank() != 4 || x[3] != in_channels_ || !window_.covers(x[1]) || !window_.covers(x[2]))
    throw ShapeError(
        fmt::format("{}: expected [N, H, W, {}] that {} x {} windows of stride {} cover evenly, got {}",
                    name(), in_channels_, window_.kernel, window_.kernel, window_.stride, to_string(x)));
  return conv_shape(x).y();
}

int64_t Conv2d::workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const {
  return conv2d_workspace_bytes(ctx, conv_shape(x), dtype);
}

int64_t Conv2d::product_flop(const Shape& x) const { return conv_shape(x).flop(); }

void Conv2d::forward(const Context& ctx, const Parameters& params, const LayerForward& pass) const {
  conv2d_forward(ctx, window_, pass.x, params.factor(weight_), pass.y);
}

void Conv2d::backward(const Context& ctx, const Parameters& params, const LayerBackward& pass) const {
  if (!pass.grads.skipped())
    conv2d_backward_weight(pass.grads.context_of_weights(ctx), window_, pass.x, pass.dy, params.grad(weight_),
                           pass.grads.grad_mode());
  if (pass.dx.data != nullptr) conv2d_backward_data(ctx, window_, pass.dy, params.factor(weight_), pass.dx);
}

}  // namespace inpaint
