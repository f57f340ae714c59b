// Small changes of an EXIF block in place: everything that is not named here keeps its bytes.
// Source: EXIF 2.32 (CIPA DC-008), the structure of TIFF 6.0.
#pragma once

#include <cstdint>
#include <span>

namespace inpaint {

// `tiff`: an EXIF block from its byte order mark on ("II" or "MM"). Damaged blocks stay as they are.

// The tag 0x0112 of the main picture becomes 1, where the block has it.
void set_upright(std::span<uint8_t> tiff);

// The small picture inside the block, which shows what the large one once showed, is overwritten with 0, and
// the block no longer leads to it.
void remove_thumbnail(std::span<uint8_t> tiff);

}  // namespace inpaint
