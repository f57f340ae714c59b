// One update of a network's parameters by Adam. The gradients of large weights come as products and are never
// stored: linear_adam updates the weight as it computes its gradient, while backward goes on.
#pragma once

#include "kernels/parameter/adam.h"
#include "nn/parameter_grads.h"

namespace inpaint {

class FusedAdam final : public GradientSink {
 public:
  // The workspace that linear() needs for the weights of `spec` whose gradients are handed over.
  static int64_t workspace_bytes(const Context& ctx, const ParameterSpec& spec, int64_t batch, DType dtype);

  // rate f64[1]: adam.h's. half_squares f64[pieces of params]: adam.h's, of each piece. Updates of
  // handed-over weights run on the branch, beside the rest of backward. Whoever reads the weights, or
  // overwrites the activations, joins the branch first. Without a branch they run one after the other.
  FusedAdam(const Parameters& params, const AdamOptions& options, const Tensor& rate,
            const Tensor& half_squares, Branch* branch);

  void linear(const Context& ctx, ParameterId weight, const Tensor& x, const Tensor& dy) override;

  // Updates the parameters whose gradients backward has stored. grad_scale f64[1]: adam.h's; null: none.
  void apply_stored(const Context& ctx, const Tensor* grad_scale = nullptr) const;

 private:
  Tensor half_squares_of(size_t piece) const { return half_squares_.slice(static_cast<int64_t>(piece), 1); }

  const Parameters& params_;
  AdamOptions options_;
  Tensor rate_, half_squares_;
  Branch* branch_;
};

}  // namespace inpaint
