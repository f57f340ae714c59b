// The activations of the two networks.
//
//   kNone       y = z                    dz = dy
//   kRelu       y = max(z, 0)            dz = dy where z > 0, else 0
//   kLeakyRelu  y = max(z, 0.2 z)        dz = dy where z > 0, else 0.2 dy
//   kTanh       y = tanh(z)              dz = dy (1 - y^2)
#pragma once

namespace inpaint {

enum class Activation { kNone, kRelu, kLeakyRelu, kTanh };

inline constexpr double kLeakySlope = 0.2;

}  // namespace inpaint
