// The hole of one picture as a mask: an image of 1 channel and the picture's size, 1 = missing, 0 = known.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "core/base/pixel_box.h"
#include "core/image/image.h"
#include "train/holes/mask_polarity.h"

namespace inpaint {

constexpr int kMaskTolerance = 32;

// A mask picture as black and white says it: 1 channel, 0 and 255. Colours become grey first; every grey
// value has to lie within kMaskTolerance of 0 or 255, because JPEG does not keep black and white exactly.
// UserError that begins with the file's name for a file that is no picture or is not two-valued.
Image read_mask_picture(const std::filesystem::path& path);

// The bytes of such a file; `name` stands for it in messages.
Image read_mask_picture(std::span<const uint8_t> file, const std::string& name);

// A mask picture as read above, for a picture of this size. UserError, beginning with the file's name, when
// the sizes differ.
Image mask_from_picture(Image black_and_white, const std::string& name, MaskPolarity polarity, int64_t height,
                        int64_t width);

// The mask in a file, likewise.
Image mask_from_file(const std::filesystem::path& path, MaskPolarity polarity, int64_t height, int64_t width);

// UserError for a box that does not lie inside the picture.
Image mask_from_boxes(std::span<const PixelBox> boxes, int64_t height, int64_t width);

// What is not fully opaque is missing. alpha: 1 channel, 255 = opaque.
Image mask_from_alpha(const Image& alpha);

// Every pixel at most `pixels` rows and columns away from a missing one becomes missing too.
void grow_mask(Image& mask, int64_t pixels);

int64_t missing_pixels(const Image& mask);

}  // namespace inpaint
