// A trained model as an ONNX model: opset 17, IR 8, f32 inside. All that painting takes is in the graph.
//
//   image  u8 [N, H, W, C]   what lies under the hole is not read
//   mask   u8 [N, H, W, 1]   0 = known, any other value = missing; 255 by convention
//   filled u8 [N, H, W, C]   known pixels come back to the byte
//
// A whole-picture model takes any N, H and W. The hole is filled harmonically (harmonic_graph.h). Picture and
// mask are mirrored beyond the right and lower side to what the levels divide.
//
// A context encoder takes any N, and H and W as it was trained. It paints a square of half the side, in the
// middle of the box around the hole, moved into the picture. It fills what of the hole lies in that square.
// The rest of the hole is not read, and comes back as it was given.
#pragma once

#include <string>

#include "train/checkpoint/trained_generator.h"

namespace inpaint {

// The bytes of the file. generator: on the CPU. UserError for a model that is too large for the format, which
// ends at 2 GiB.
std::string onnx_model(const Context& ctx, const TrainedGenerator& generator);

}  // namespace inpaint
