// The sizes of the pictures coded in a HEIF file, as their own streams say them. What the file declares
// (ispe) is another matter: a decoder takes the memory that the stream asks for.
//
// Sources: ISO/IEC 14496-12 (boxes), 23008-12 (items), 14496-15 (hvcC), ITU-T H.265 7.3.2.2 (sequence
// parameter set), AV1 Bitstream & Decoding Process 5.5 (sequence header).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/image/image_codec.h"

namespace inpaint {

constexpr int64_t kMostHeifSide = int64_t{1} << 30;  // beyond any picture; products do not overflow

// One size for every HEVC and AV1 stream in the file's items and their properties, and a huge one where items
// overlap so much that reading them would take long. What is damaged is passed over: a decoder reads no size
// there either. Sides above kMostHeifSide are given as that.
std::vector<PictureSize> heif_coded_sizes(std::span<const uint8_t> file);

}  // namespace inpaint
