// Pictures made by formula, for training without photographs: façades, tilings, perspective stripes, discs,
// gradients and noise textures whose structure runs through the whole picture.
#pragma once

#include <array>
#include <cstdint>

#include "core/image/image.h"

namespace inpaint {

enum class PictureKind { kFacade, kTiling, kStripes, kDiscs, kGradient, kNoise };
constexpr int kPictureKinds = 6;

const char* to_string(PictureKind kind);

// What picture `index` of `seed` shows: 30 % façades, 20 % tilings, 15 % stripes, the rest shared evenly.
PictureKind picture_kind(uint64_t seed, int64_t index);

// Picture `index` of `seed`, image_size square with 1 or 3 channels; a function of its arguments alone (and
// of the machine's rounding: other processors may differ in a level here and there). At another size it shows
// the same scene. index >= 0.
Image procedural_picture(uint64_t seed, int64_t index, int64_t image_size, int channels);

// The same for a kind of the caller's choice.
Image procedural_picture(PictureKind kind, uint64_t seed, int64_t index, int64_t image_size, int channels);

}  // namespace inpaint
