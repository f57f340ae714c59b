// What inpaint_export does with its settings.
#pragma once

#include <string>

#include "train/export/state_dict.h"

namespace inpaint {

struct ExportSettings {
  // A checkpoint (a file, or a folder of which the newest counts) becomes an ONNX file, or one with what
  // painting needs alone, or both.
  std::string checkpoint, onnx, weights;
  // A state_dict in a safetensors file becomes a checkpoint in the folder `out`.
  std::string from_torch, out;
  NetworkFlags network;
};

// Prints a line for what it wrote, which appears whole or not at all. UserError.
void run_export(const ExportSettings& settings);

}  // namespace inpaint
