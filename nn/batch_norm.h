// Batch norm with the bias of the product before it and the activation behind it.
//   y = act(gamma (x + bias - mean) / sqrt(variance + 1e-5) + beta)    over all axes but the last (channels)
//   x, y [..., C]; backward needs x. The bias cancels in training: its gradient is exactly 0.
// Formulas: kernels/batch_norm.h.
#pragma once

#include "kernels/activation.h"
#include "nn/layer.h"

namespace inpaint {

class BatchNorm final : public Layer {
 public:
  static constexpr double kDecay = 0.9, kEpsilon = 1e-5;

  // Declares "<name>.bias", "<name>.bn.weight" (gamma), "<name>.bn.bias" (beta), "<name>.bn.running_mean" and
  // "<name>.bn.running_var".
  BatchNorm(ParameterSpec& spec, std::string name, int64_t channels, Activation activation);

  Shape out_shape(const Shape& x) const override;
  std::vector<Shape> saved_shapes(const Shape& x) const override;  // mean and variance of the batch
  int64_t workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const override;
  void forward(const Context& ctx, const Parameters& params, const Tensor& x, const Tensor& y,
               std::span<const Tensor> saved, Statistics statistics) const override;
  void backward(const Context& ctx, const Parameters& params, const Tensor& x, const Tensor& y,
                const Tensor& dy, const Tensor* dx, ParameterGrads grads,
                std::span<const Tensor> saved) const override;
  void update_running(const Context& ctx, const Parameters& params,
                      std::span<const Tensor> saved) const override;

 private:
  int64_t channels_;
  Activation activation_;
  ParameterId bias_, gamma_, beta_, running_mean_, running_variance_;
};

}  // namespace inpaint
