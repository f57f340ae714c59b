// What painting needs of a checkpoint, and no more: a file for everyday use, an eighth as large for
// harmonic_unet.
//
// A checkpoint (train/checkpoint/model_state.h) with the generator's tensors alone, under their plain names:
// the moving averages where training kept them. Weights are bf16, all else is f32. All programs that paint
// take it as any checkpoint; a run cannot go on from it.
#pragma once

#include <filesystem>

#include "train/checkpoint/trained_generator.h"

namespace inpaint {

// Writes the file whole or not at all. generator: of a run in another precision than fp64. UserError.
void save_painting_weights(const Context& ctx, const TrainedGenerator& generator,
                           const std::filesystem::path& path);

}  // namespace inpaint
