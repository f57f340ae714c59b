// A JPEG file with some pixels painted anew.
//
// A JPEG holds a picture in blocks of 8 x 8 coefficients. Where colours are sampled, blocks that cover up to
// 32 x 32 pixels belong together: a unit. Units without a missing pixel keep their coefficients to the bit,
// so that they lose nothing. Those with one are made from `painted`, with the file's own tables: the known
// pixels in them change as little as when such a picture is saved once more. Tables, sampling, EXIF data,
// profile and comments stay. What no longer fits the picture goes: thumbnails, and the second pictures or
// videos of phones behind the first picture.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/image/image.h"

namespace inpaint {

// file: the bytes of a JPEG. painted (1 or 3 channels) and mask (1 channel, not 0 = missing) have the size of
// the picture as it is stored, not turned upright. UserError, beginning with `name`, for a damaged file, for
// one of four colours (CMYK), and for one whose tables can be read but not written.
std::vector<uint8_t> repaint_jpeg(std::span<const uint8_t> file, const std::string& name,
                                  const Image& painted, const Image& mask);

}  // namespace inpaint
