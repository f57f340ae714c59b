// Texture for a filled hole, copied from the known part of the picture: patch_match on the parts of a large
// picture that it looks at.
#pragma once

#include "core/base/pixel_box.h"
#include "core/device/context.h"
#include "core/image/image.h"
#include "kernels/fill/patch_match.h"

namespace inpaint {

// Overwrites the missing pixels inside options.box, which hold the guide's fill. ctx: on the CPU. A box
// larger than kLargestPatchBox in a direction is done piece by piece, each going on from those before, with a
// seed of its own. The result follows from the pixels around the box and from the options.
constexpr int64_t kLargestPatchBox = 1024;
void copy_texture(Context& ctx, Image& picture, const Image& mask, PatchMatchOptions options);

}  // namespace inpaint
