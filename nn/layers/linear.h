// Linear layer without bias; flattens what comes in (row, column, channel order) and gives its output the
// shape it is told.
//   y = x w^T      x [N, ...] read as [N, in]   w [out, in]   y [N, out_features...]; backward needs x
// Formulas: kernels/linear/linear.h. The weight's gradient may be handed over (parameter_grads.h).
#pragma once

#include "nn/layer.h"

namespace inpaint {

class Linear final : public Layer {
 public:
  // Declares "<name>.weight", from a normal. out_features: the extents behind N, one (a vector) or three
  // (rows, columns, channels).
  Linear(ParameterSpec& spec, const std::string& name, int64_t in_features, const Shape& out_features,
         GradientUse gradient = GradientUse::kStore);

  Shape out_shape(const Shape& x) const override;
  int64_t workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const override;
  int64_t product_flop(const Shape& x) const override;
  bool hands_over_gradient() const override { return gradient_ == GradientUse::kHandOver; }
  void forward(const Context& ctx, const Parameters& params, const LayerForward& pass) const override;
  void backward(const Context& ctx, const Parameters& params, const LayerBackward& pass) const override;
  LayerDescription describe() const override { return LinearDescription{weight_}; }

 private:
  Tensor flat(const Tensor& tensor) const;

  int64_t in_features_;
  Shape out_features_;
  GradientUse gradient_;
  ParameterId weight_;
};

}  // namespace inpaint
