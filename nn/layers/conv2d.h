// Convolution, 4 x 4, stride 2, "SAME"; no bias (bias_activation.h or batch_norm.h adds it).
//   y = conv2d(x, w)      x [N, H, W, in]   w [out, 4, 4, in]   y [N, H/2, W/2, out]; backward needs x
// Formulas: kernels/conv/conv2d.h.
#pragma once

#include "nn/layer.h"

namespace inpaint {

class Conv2d final : public Layer {
 public:
  // Declares "<name>.weight", from a normal cut at two deviations.
  Conv2d(ParameterSpec& spec, std::string name, int64_t in_channels, int64_t out_channels);

  Shape out_shape(const Shape& x) const override;
  int64_t workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const override;
  int64_t product_flop(const Shape& x) const override;
  bool weight_gradient_beside() const override { return true; }
  void forward(const Context& ctx, const Parameters& params, const Tensor& x, const Tensor& y,
               std::span<const Tensor> saved, Statistics statistics) const override;
  void backward(const Context& ctx, const Parameters& params, const Tensor& x, const Tensor& y,
                const Tensor& dy, const Tensor* dx, ParameterGrads grads,
                std::span<const Tensor> saved) const override;

 private:
  int64_t in_channels_, out_channels_;
  ParameterId weight_;
};

}  // namespace inpaint
