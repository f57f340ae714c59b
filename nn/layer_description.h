// What a layer is, for whoever makes something else of a network: benches, plans, other formats.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "kernels/activation.h"
#include "kernels/conv/conv2d.h"
#include "nn/parameters.h"

namespace inpaint {

struct Conv2dDescription {
  Conv2dWindow window;
  bool transposed;  // the adjoint of such a convolution
  ParameterId weight;
};
// A convolution whose weight is divided by its spectral norm, estimated from the running vector u.
struct SpectralConv2dDescription {
  Conv2dWindow window;
  ParameterId weight, u;
};
struct LinearDescription {
  ParameterId weight;
};
struct BatchNormDescription {
  Activation activation;
  double epsilon;
  std::optional<ParameterId> bias;
  ParameterId gamma, beta, running_mean, running_variance;
};
struct BiasActivationDescription {
  int64_t values;  // of the bias
  Activation activation;
  ParameterId bias;
};

struct GroupNormDescription {
  int64_t groups;
  Activation activation;
  double epsilon;
  ParameterId gamma, beta;
};

using LayerDescription = std::variant<Conv2dDescription, SpectralConv2dDescription, LinearDescription,
                                      BatchNormDescription, BiasActivationDescription, GroupNormDescription>;

}  // namespace inpaint
