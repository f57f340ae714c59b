// Group norm with the activation behind it; with an addend, which joins in front of the activation.
//   y = act(gamma (x - mean) / sqrt(variance + 1e-5) + beta + addend)      x, y, addend [N, ..., C]
// Mean and variance are those of a picture's group of channels, in training and in use alike. Backward needs
// x and y. Formulas: kernels/channel/group_norm.h. A bias in front of it would do next to nothing: beta
// follows, and a group's mean is taken off.
#pragma once

#include "kernels/channel/group_norm.h"
#include "nn/layer.h"

namespace inpaint {

class GroupNorm final : public Layer {
 public:
  static constexpr double kEpsilon = 1e-5;

  // Declares "<name>.weight" (gamma) and "<name>.bias" (beta). groups divides channels.
  GroupNorm(ParameterSpec& spec, const std::string& name, int64_t channels, int64_t groups,
            Activation activation);

  Shape out_shape(const Shape& x) const override;
  std::vector<Shape> saved_shapes(const Shape& x) const override;  // mean and 1 / deviation of the groups
  int64_t workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const override;
  void forward(const Context& ctx, const Parameters& params, const LayerForward& pass) const override;
  void backward(const Context& ctx, const Parameters& params, const LayerBackward& pass) const override;
  LayerDescription describe() const override {
    return GroupNormDescription{norm_.groups, norm_.act, norm_.epsilon, gamma_, beta_};
  }
  bool backward_in_place() const override { return true; }
  bool takes_addend() const override { return true; }

 private:
  int64_t channels_;
  GroupNormOptions norm_;
  ParameterId gamma_, beta_;
};

}  // namespace inpaint
