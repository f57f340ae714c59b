// Which way up a camera was held: the orientation in a picture's EXIF data, and the turn that it asks for.
#pragma once

#include <cstdint>
#include <span>

#include "core/image/image.h"

namespace inpaint {

// What stands before the EXIF block in a JPEG's marker, and before some in WebP files.
inline constexpr uint8_t kExifName[] = {'E', 'x', 'i', 'f', 0, 0};

// 1..8 as EXIF 2.32 defines the tag 0x0112; 1 (upright) where the block does not say, or is damaged. `tiff`:
// an EXIF block from its byte order mark on ("II" or "MM").
int exif_orientation(std::span<const uint8_t> tiff);

// The stored picture turned upright.
Image upright(Image stored, int orientation);

}  // namespace inpaint
