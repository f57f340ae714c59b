// Batch norm over all axes but the last (channels), with the activation behind it and, where the product
// before it has one bias per channel, that bias.
//   y = act(gamma (x + bias - mean) / sqrt(variance + 1e-5) + beta)    x, y [..., C]; backward needs x
// A bias per channel cancels in training: its gradient is exactly 0. Formulas: kernels/channel/batch_norm.h.
#pragma once

#include <optional>

#include "kernels/activation.h"
#include "nn/layer.h"

namespace inpaint {

class BatchNorm final : public Layer {
 public:
  static constexpr double kDecay = 0.9, kEpsilon = 1e-5;

  enum class Bias { kPerChannel, kNone };

  // Declares "<name>.bn.weight" (gamma), "<name>.bn.bias" (beta), "<name>.bn.running_mean",
  // "<name>.bn.running_var", and with Bias::kPerChannel "<name>.bias".
  BatchNorm(ParameterSpec& spec, const std::string& name, int64_t channels, Activation activation,
            Bias bias = Bias::kPerChannel);

  Shape out_shape(const Shape& x) const override;
  std::vector<Shape> saved_shapes(const Shape& x) const override;  // mean and variance of the batch
  int64_t workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const override;
  void forward(const Context& ctx, const Parameters& params, const LayerForward& pass) const override;
  void backward(const Context& ctx, const Parameters& params, const LayerBackward& pass) const override;
  LayerDescription describe() const override {
    return BatchNormDescription{activation_,   kEpsilon,         bias_, gamma_, beta_,
                                running_mean_, running_variance_};
  }
  void add_running_update(const Parameters& params, std::span<const Tensor> saved,
                          std::vector<RunningUpdate>& list) const override;
  bool backward_in_place() const override { return true; }

 private:
  int64_t channels_;
  Activation activation_;
  std::optional<ParameterId> bias_;
  ParameterId gamma_, beta_, running_mean_, running_variance_;
};

}  // namespace inpaint
