// The norm of a network's gradient as backward makes it: before any clip, and without the weight decay.
//
//   norm = sqrt(sum of the squares of the gradients of all parameters)
//
// Backward gets a GradientNorm as its sink, which sums gradients that are handed over as products
// (kernels/linear/linear_gradient_squares.h). add_stored() adds those that are stored. The squares stay on
// the device, for a single read-back with other figures.
#pragma once

#include <span>

#include "nn/parameter_grads.h"

namespace inpaint {

class GradientNorm final : public GradientSink {
 public:
  // How many squares there are: one of all that is stored, and one of each piece that is not.
  static int64_t count(const Parameters& params) { return 1 + std::ssize(params.pieces()); }
  static int64_t workspace_bytes(const Context& ctx, const Parameters& params, int64_t batch);

  // squares f64[count(params)]: overwritten, but for those of stored pieces, which have to be 0.
  GradientNorm(const Parameters& params, const Tensor& squares);

  void linear(const Context& ctx, ParameterId weight, const Tensor& x, const Tensor& dy) override;
  void add_stored(const Context& ctx) const;

  static double of(std::span<const double> squares);

 private:
  const Parameters& params_;
  Tensor squares_;
};

}  // namespace inpaint
