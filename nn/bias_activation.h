// Bias and activation behind a product that feeds no batch norm.
//   y = act(x + bias)      x, y [..., C]; backward needs y
// Formulas: kernels/bias_activation.h.
#pragma once

#include "kernels/activation.h"
#include "nn/layer.h"

namespace inpaint {

class BiasActivation final : public Layer {
 public:
  // Declares "<name>.bias".
  BiasActivation(ParameterSpec& spec, std::string name, int64_t channels, Activation activation);

  Shape out_shape(const Shape& x) const override;
  int64_t workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const override;
  void forward(const Context& ctx, const Parameters& params, const Tensor& x, const Tensor& y,
               std::span<const Tensor> saved, Statistics statistics) const override;
  void backward(const Context& ctx, const Parameters& params, const Tensor& x, const Tensor& y,
                const Tensor& dy, const Tensor* dx, ParameterGrads grads,
                std::span<const Tensor> saved) const override;

 private:
  int64_t channels_;
  Activation activation_;
  ParameterId bias_;
};

}  // namespace inpaint
