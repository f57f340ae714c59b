// Convolution whose weight is divided by an estimate of its largest singular value, so that a discriminator's
// scores cannot change arbitrarily fast; no bias (bias_activation.h adds it).
//   y = conv2d(x, w / sigma(w, u))      x [N, H, W, in]   w [out, k, k, in]   y [N, ho, wo, out]
// backward needs x. sigma comes of one step of the power method from the running vector u [out]; a forward is
// a function of w and u alone, and update_running() puts the step's result in the place of u.
// Formulas: kernels/linear/spectral_norm.h, kernels/conv/conv2d.h.
#pragma once

#include "kernels/conv/conv2d.h"
#include "nn/layer.h"

namespace inpaint {

class SpectralConv2d final : public Layer {
 public:
  // Declares "<name>.weight" and "<name>.u", which is drawn from a normal.
  SpectralConv2d(ParameterSpec& spec, const std::string& name, int64_t in_channels, int64_t out_channels,
                 const Conv2dWindow& window, InitialValues initial);

  Shape out_shape(const Shape& x) const override;
  // The power step's u, v and sigma, the weight as the product reads it, and room for the gradient by that.
  std::vector<Shape> saved_shapes(const Shape& x) const override;
  int64_t workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const override;
  int64_t product_flop(const Shape& x) const override;
  bool weight_gradient_beside() const override { return true; }
  void forward(const Context& ctx, const Parameters& params, const LayerForward& pass) const override;
  void backward(const Context& ctx, const Parameters& params, const LayerBackward& pass) const override;
  void update_running(const Context& ctx, const Parameters& params,
                      std::span<const Tensor> saved) const override;
  LayerDescription describe() const override { return SpectralConv2dDescription{window_, weight_, u_}; }

 private:
  Conv2dShape conv_shape(const Shape& x) const { return {x[0], x[1], x[2], x[3], out_channels_, window_}; }
  Shape weight_shape() const { return {out_channels_, window_.kernel, window_.kernel, in_channels_}; }

  int64_t in_channels_, out_channels_;
  Conv2dWindow window_;
  ParameterId weight_, u_;
};

}  // namespace inpaint
