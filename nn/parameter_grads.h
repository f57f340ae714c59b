// What a layer's backward does with the gradients of its parameters.
#pragma once

#include "core/device/branch.h"
#include "kernels/grad_mode.h"
#include "kernels/parameter/adam.h"

namespace inpaint {

// One update of a network's parameters: all that Adam needs beside the gradients.
//
// Updates of large weights run on the branch, beside the rest of backward. Whoever reads the parameters, or
// overwrites the activations, joins the branch first. Without a branch they run one after the other.
struct ParameterUpdate {
  AdamOptions options;
  Tensor rate;          // f64[1]: adam.h's
  Tensor half_squares;  // f64[pieces of the parameters]: adam.h's, of each piece
  Branch* branch = nullptr;

  const Context& context_of_update(const Context& ctx) const {
    return branch == nullptr ? ctx : branch->fork();
  }

  Tensor half_squares_of(size_t piece) const {
    return {{1}, DType::kF64, half_squares.device, half_squares.as<double>() + piece};
  }
};

struct ParameterGrads {
  enum Mode { kSkip, kOverwrite, kAccumulate } mode;
  const ParameterUpdate* update =
      nullptr;               // for the gradients that are not stored but applied (parameters.h)
  Branch* beside = nullptr;  // where weight gradients of convolutions are made; null: one after the other

  ParameterGrads(Mode m, const ParameterUpdate* u = nullptr, Branch* b = nullptr)  // NOLINT
      : mode(m), update(u), beside(b) {}

  bool skipped() const { return mode == kSkip; }
  const Context& context_of_weights(const Context& ctx) const {
    return beside == nullptr ? ctx : beside->fork();
  }
  GradMode grad_mode() const { return mode == kAccumulate ? GradMode::kAccumulate : GradMode::kOverwrite; }
};

}  // namespace inpaint
