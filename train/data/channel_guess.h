// Whether the bytes of pictures look like grey or RGB ones, told from how alike neighbours are.
//
// x are the S * S * C bytes of one image. If they are grey, the neighbour below lies S bytes on and the third
// one below 3 S; if they are RGB, the neighbour below lies 3 S bytes on and S bytes lead a third of the width
// aside. Pictures are smooth, so
//   r = mean |x[i + 3 S] - x[i]| / mean |x[i + S] - x[i]|     is above 1 for grey, and far below 1 for RGB.
// If they are RGB, every third difference x[i + 1] - x[i] is one between pixels, not between colours:
//   d = largest / least of the means of |x[i + 1] - x[i]| over i % 3 = 0, 1, 2     is near 1 for grey alone.
#pragma once

#include <cstdint>
#include <span>

#include "train/data/bin_dataset.h"

namespace inpaint {

// 1 or 3; 0 where the bytes do not tell, such as those of noise, of flat images or of images below 32 x 32.
int channels_of_image(std::span<const uint8_t> bytes, int64_t image_size);

// What three quarters, or more, of up to 64 images of the data set look like; 0 where they do not agree.
int channels_of_dataset(const BinDataset& dataset);

}  // namespace inpaint
