// Convolution; no bias (bias_activation.h or batch_norm.h adds it).
//   y = conv2d(x, w)      x [N, H, W, in]   w [out, k, k, in]   y [N, ho, wo, out]; backward needs x
// Window and formulas: kernels/conv/conv2d.h.
#pragma once

#include "kernels/conv/conv2d.h"
#include "nn/layer.h"

namespace inpaint {

class Conv2d final : public Layer {
 public:
  // Declares "<name>.weight".
  Conv2d(ParameterSpec& spec, const std::string& name, int64_t in_channels, int64_t out_channels,
         const Conv2dWindow& window = kHalving, InitialValues initial = InitialValues::kTruncatedNormal);

  Shape out_shape(const Shape& x) const override;
  int64_t workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const override;
  int64_t product_flop(const Shape& x) const override;
  bool weight_gradient_beside() const override { return true; }
  void forward(const Context& ctx, const Parameters& params, const LayerForward& pass) const override;
  void backward(const Context& ctx, const Parameters& params, const LayerBackward& pass) const override;
  LayerDescription describe() const override { return Conv2dDescription{window_, false, weight_}; }

 private:
  Conv2dShape conv_shape(const Shape& x) const { return {x[0], x[1], x[2], x[3], out_channels_, window_}; }

  int64_t in_channels_, out_channels_;
  Conv2dWindow window_;
  ParameterId weight_;
};

}  // namespace inpaint
