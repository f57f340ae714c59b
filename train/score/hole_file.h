// Holes in a file: a fixed set, so that a published table can be made again.
//
// A safetensors file. The hole of picture n of a set stands at place n:
//   mask    u8 [N, S, S]   1 = missing, 0 = known
//   offsets i32 [N, 2]     (row, column) of the corners, where all holes are squares of half the side; else
//                          there is no such tensor
#pragma once

#include <filesystem>

#include "train/score/hole_source.h"

namespace inpaint {

// Writes the holes of the pictures 0 ... count - 1 of S x S pixels, whole or not at all.
void save_holes(const std::filesystem::path& path, const HoleSource& source, int64_t count,
                int64_t image_size);

// The file holds `count` holes of S x S pixels or more of them, each with a missing pixel; else UserError.
HoleSource load_holes(const std::filesystem::path& path, int64_t count, int64_t image_size);

}  // namespace inpaint
