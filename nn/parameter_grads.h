// What a layer's backward does with the gradients of its parameters.
#pragma once

#include "kernels/adam.h"
#include "kernels/grad_mode.h"

namespace inpaint {

// One update of a network's parameters: all that Adam needs beside the gradients.
struct ParameterUpdate {
  AdamOptions options;
  Tensor rate;          // f64[1]: adam.h's
  Tensor half_squares;  // f64[pieces of the parameters]: adam.h's, of each piece

  Tensor half_squares_of(size_t piece) const {
    return {{1}, DType::kF64, half_squares.device, half_squares.as<double>() + piece};
  }
};

struct ParameterGrads {
  enum Mode { kSkip, kOverwrite, kAccumulate } mode;
  const ParameterUpdate* update =
      nullptr;  // for the gradients that are not stored but applied (parameters.h)

  ParameterGrads(Mode m, const ParameterUpdate* u = nullptr) : mode(m), update(u) {}  // NOLINT

  bool skipped() const { return mode == kSkip; }
  GradMode grad_mode() const { return mode == kAccumulate ? GradMode::kAccumulate : GradMode::kOverwrite; }
};

}  // namespace inpaint
