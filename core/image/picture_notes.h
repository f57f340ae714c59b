// What a picture file says about its pixels besides them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace inpaint {

// Empty where the file does not say it.
struct PictureNotes {
  std::vector<uint8_t> profile;  // ICC
  std::vector<uint8_t> exif;     // from the byte order mark on
};

// UserError, beginning with `name`, for a damaged file. Those of WebP and HEIF are there where the program
// reads these formats.
PictureNotes jpeg_notes(std::span<const uint8_t> file, const std::string& name);
PictureNotes webp_notes(std::span<const uint8_t> file, const std::string& name);
PictureNotes heif_notes(std::span<const uint8_t> file, const std::string& name);

}  // namespace inpaint
