// Which value of a state is not finite: for messages, once it is known that one is.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/file/safetensors.h"

namespace inpaint {

struct NonFinite {
  std::string tensor;
  int64_t element = 0, elements = 0;
  double value = 0;
};

// The first infinity or NaN of the f32 and f64 tensors (host memory), in their order.
std::optional<NonFinite> first_non_finite(std::span<const NamedTensor> tensors);

// "tensor 'generator.hidden1.weight' holds nan at element 4 of 6"
std::string to_string(const NonFinite& bad);

}  // namespace inpaint
