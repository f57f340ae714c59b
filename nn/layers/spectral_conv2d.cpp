#include "nn/layers/spectral_conv2d.h"

#include <algorithm>

#include "core/device/copy.h"
#include "kernels/linear/spectral_norm.h"

namespace inpaint {
namespace {

// What a pass saves, by place.
enum Saved : size_t { kNextU, kV, kSigma, kNormed, kDNormed };

SpectralNorm norm_of(std::span<const Tensor> saved) { return {saved[kNextU], saved[kV], saved[kSigma]}; }

// The divided weight in the type of the activations, for which the saved memory has room.
Tensor normed_of(std::span<const Tensor> saved, DType activation) {
  Tensor normed = saved[kNormed];
  normed.dtype = activation;
  return normed;
}

}  // namespace

SpectralConv2d::SpectralConv2d(ParameterSpec& spec, const std::string& name, int64_t in_channels,
                               int64_t out_channels, const Conv2dWindow& window, InitialValues initial)
    : Layer(name),
      in_channels_(in_channels),
      out_channels_(out_channels),
      window_(window),
      weight_(spec.weight(name + ".weight", {out_channels, window.kernel, window.kernel, in_channels},
                          initial, CheckpointLayout::kKernelLast)),
      u_(spec.running(name + ".u", {out_channels}, {InitialValues::kNormal, 1.0})) {}

Shape SpectralConv2d::out_shape(const Shape& x) const {
  if (x.rank() != 4 || x[3] != in_channels_ || !window_.covers(x[1]) || !window_.covers(x[2]))
    throw ShapeError(
        fmt::format("{}: expected [N, H, W, {}] that {} x {} windows of stride {} cover evenly, got {}",
                    name(), in_channels_, window_.kernel, window_.kernel, window_.stride, to_string(x)));
  return conv_shape(x).y();
}

std::vector<Shape> SpectralConv2d::saved_shapes(const Shape&) const {
  const Shape weight = weight_shape();
  return {{out_channels_}, {weight.elements() / out_channels_}, {1}, weight, weight};
}

int64_t SpectralConv2d::workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const {
  return std::max(conv2d_workspace_bytes(ctx, conv_shape(x), dtype),
                  spectral_norm_workspace_bytes(ctx, weight_shape()));
}

int64_t SpectralConv2d::product_flop(const Shape& x) const { return conv_shape(x).flop(); }

void SpectralConv2d::forward(const Context& ctx, const Parameters& params, const LayerForward& pass) const {
  const Tensor normed = normed_of(pass.saved, params.activation_dtype());
  spectral_norm(ctx, params.value(weight_), params.value(u_), norm_of(pass.saved), normed);
  conv2d_forward(ctx, window_, pass.x, normed, pass.y);
}

void SpectralConv2d::backward(const Context& ctx, const Parameters& params, const LayerBackward& pass) const {
  if (!pass.grads.skipped()) {
    const Context& beside = pass.grads.context_of_weights(ctx);
    conv2d_backward_weight(beside, window_, pass.x, pass.dy, pass.saved[kDNormed], GradMode::kOverwrite);
    spectral_norm_backward(beside, pass.saved[kDNormed], params.value(weight_), norm_of(pass.saved),
                           params.grad(weight_), pass.grads.grad_mode());
  }
  if (pass.dx.data != nullptr)
    conv2d_backward_data(ctx, window_, pass.dy, normed_of(pass.saved, params.activation_dtype()), pass.dx);
}

void SpectralConv2d::update_running(const Context& ctx, const Parameters& params,
                                    std::span<const Tensor> saved) const {
  copy_on_device(ctx, saved[kNextU], params.value(u_));
}

}  // namespace inpaint
