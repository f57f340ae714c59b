// Transposed convolution, 4 x 4, stride 2: doubles the size; no bias. The adjoint of Conv2d from out to in.
//   y = conv2d's data gradient of (x, w)    x [N, H, W, in]   w [in, 4, 4, out]   y [N, 2H, 2W, out]
// backward needs x. Formulas: kernels/conv/conv2d.h, with the roles of x and y exchanged.
#pragma once

#include "nn/layer.h"

namespace inpaint {

class ConvTranspose2d final : public Layer {
 public:
  // Declares "<name>.weight".
  ConvTranspose2d(ParameterSpec& spec, const std::string& name, int64_t in_channels, int64_t out_channels,
                  InitialValues initial = InitialValues::kNormal);

  Shape out_shape(const Shape& x) const override;
  int64_t workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const override;
  int64_t product_flop(const Shape& x) const override;
  bool weight_gradient_beside() const override { return true; }
  void forward(const Context& ctx, const Parameters& params, const LayerForward& pass) const override;
  void backward(const Context& ctx, const Parameters& params, const LayerBackward& pass) const override;
  LayerDescription describe() const override { return Conv2dDescription{kHalving, true, weight_}; }

 private:
  int64_t in_channels_, out_channels_;
  ParameterId weight_;
};

}  // namespace inpaint
