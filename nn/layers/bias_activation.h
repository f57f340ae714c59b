// Bias and activation: behind the last product of a network, and behind a linear layer whose batch norm
// averages over positions too (a bias per feature does not cancel there). With an addend it ends a residual
// block of a network.
//   y = act(x + bias + addend)      x, y, addend [..., b] with the last axes read as one of the bias's b
//                                   values; backward needs y
// Formulas: kernels/channel/bias_activation.h.
#pragma once

#include "kernels/activation.h"
#include "nn/layer.h"

namespace inpaint {

class BiasActivation final : public Layer {
 public:
  // Declares "<name>.bias" of `values` values: the channels, or all features of an example.
  BiasActivation(ParameterSpec& spec, const std::string& name, int64_t values, Activation activation);

  Shape out_shape(const Shape& x) const override;
  int64_t workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const override;
  void forward(const Context& ctx, const Parameters& params, const LayerForward& pass) const override;
  void backward(const Context& ctx, const Parameters& params, const LayerBackward& pass) const override;
  LayerDescription describe() const override {
    return BiasActivationDescription{values_, activation_, bias_};
  }
  bool backward_in_place() const override { return true; }
  bool takes_addend() const override { return true; }

 private:
  Tensor flat(const Tensor& tensor) const;

  int64_t values_;
  Activation activation_;
  ParameterId bias_;
};

}  // namespace inpaint
