// Which way up a camera was held: the orientation in a picture's EXIF data, and the turn that it asks for.
#pragma once

#include <cstdint>
#include <span>

#include "core/image/image.h"

namespace inpaint {

// 1..8 as EXIF 2.32 defines the tag 0x0112; 1 (upright) where the data do not say, or are damaged. `data` is
// a JPEG file, or an EXIF block that begins with "Exif\0\0".
int exif_orientation(std::span<const uint8_t> data);

// The stored picture turned upright.
Image upright(Image stored, int orientation);

}  // namespace inpaint
