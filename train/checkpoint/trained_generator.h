// A trained generator for use: what all programs that paint with a checkpoint, or make something else of it,
// load. It holds the moving averages that training kept, where there are any, and no memory of training.
#pragma once

#include <cstdint>
#include <filesystem>

#include "core/file/safetensors.h"
#include "train/model/model.h"

namespace inpaint {

struct TrainedGenerator {
  std::filesystem::path file;  // the checkpoint
  TrainSettings settings;      // that it was trained with
  int64_t step;                // training steps it has had
  Network network;
  Parameters parameters;  // f32, or f64 of a run in fp64; on the device of the context
};

// path: a checkpoint; a folder of checkpoints, of which the newest is taken; or <folder>/best, which names
// one of them. UserError when there is no usable checkpoint.
TrainedGenerator load_trained_generator(const Context& ctx, const std::filesystem::path& path);
TrainedGenerator load_trained_generator(const Context& ctx, const SafetensorsFile& file);

}  // namespace inpaint
