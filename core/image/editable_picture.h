// A picture file that is painted into: what it holds besides the painted pixels stays.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/image/image_codec.h"

namespace inpaint {

class EditablePicture {
 public:
  // Reads and decodes the file; UserError as decode_image.
  explicit EditablePicture(const std::filesystem::path& path);
  // The bytes of a file; `name` stands for its path.
  EditablePicture(std::vector<uint8_t> file, const std::string& name);

  const std::filesystem::path& path() const { return path_; }
  PictureFormat format() const { return format_; }
  // The format of a result that nobody has asked for: the file's own, or PNG where that cannot be written.
  PictureFormat result_format() const { return can_write(format_) ? format_ : PictureFormat::kPng; }
  const Image& image() const { return image_; }  // upright, 1 or 3 channels; colours also where transparent
  const Image& alpha() const { return alpha_; }  // upright, 1 channel; height 0 where the file has none

  // The bytes of a file with the pixels of `painted` where mask (1 channel, not 0 = missing) says so; both
  // upright, of the image's size. Painted pixels are opaque.
  //
  // In the file's own format: PNG and PNM keep all other pixels to the byte (16 bits become 8), a JPEG as
  // jpeg_repaint.h says. Colour profile, EXIF and texts stay, the orientation too; thumbnails in EXIF, which
  // would show the old picture, go. As a PNG, whatever the file is: the decoded pixels to the byte, upright,
  // with profile and EXIF. Other formats, and WebP and HEIF in any case: UserError.
  std::vector<uint8_t> repainted(const Image& painted, const Image& mask, PictureFormat format) const;

 private:
  std::vector<uint8_t> as_png(const Image& painted, const Image& mask) const;

  std::filesystem::path path_;
  std::vector<uint8_t> bytes_;
  PictureFormat format_;
  int orientation_ = 1;
  Image image_, alpha_;
};

}  // namespace inpaint
