// Pictures in files: PNG, JPEG and PNM in, PNG and PNM out. (editable_picture.h paints into a file.)
//
// The first bytes of a file say what it is, never its name. Grey files give 1 channel, all others 3.
//   PNG   every depth, palette and interlacing; 16 bits become 8; transparent parts are laid over black
//   JPEG  baseline and progressive, any sampling; CMYK becomes RGB. The first picture counts: what phones put
//         behind it (videos, second pictures, gain maps) is left alone
//   PNM   P2, P3, P5, P6, comments in the header, any maxval up to 65535, scaled to 0..255 with rounding
// PNG and JPEG are turned upright as their EXIF orientation says. Colour profiles and gamma are not applied.
//
// A file that is cut off or damaged is refused, not filled up with grey. (JPEG has no checksums: damage that
// libjpeg can step over passes.) So is a file that asks for unreasonable memory, before any pixel is decoded:
// more than kMaxPicturePixels, or more than kTrustedPicturePixels that a photograph's file of this length
// could not hold (kMaxPictureExpansion decoded bytes per byte of the file).
//
// Every fault of a file is a UserError that starts with the file's name. All functions are thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/image/image.h"

namespace inpaint {

constexpr int64_t kMaxPicturePixels = int64_t{1} << 28;      // 768 MiB as RGB
constexpr int64_t kTrustedPicturePixels = int64_t{1} << 22;  // a decoder takes up to 64 MiB for them
constexpr int64_t kMaxPictureExpansion = 250;  // photographs stay below 100; a flat PNG reaches 1030
constexpr int64_t kMaxPictureFileBytes = (int64_t{1} << 31) - 1;

enum class PictureFormat { kPng, kJpeg, kPnm };

// UserError that says what the file is, and how to convert it, when it is none of these.
PictureFormat picture_format(std::span<const uint8_t> file, const std::string& name);

// A picture as its file stores it.
struct StoredPicture {
  Image colours;        // also where it is transparent
  Image alpha;          // 1 channel, 255 = opaque; height 0 where the file has none
  int orientation = 1;  // see exif_orientation.h
};

StoredPicture decode_stored(std::span<const uint8_t> file, const std::string& name);

// Upright, and transparent parts laid over black.
Image decode_image(const std::filesystem::path& path);
// `name` stands for the file in messages.
Image decode_image(std::span<const uint8_t> file, const std::string& name);

// As the file stores it; not negative.
struct PictureSize {
  int64_t height, width;
};

// From the file's head alone: far cheaper than decoding, and no word on whether the rest is good.
PictureSize picture_size(std::span<const uint8_t> head, const std::string& name);
// The shorter side of the picture, likewise.
int64_t picture_short_side(const std::filesystem::path& path);

// All bytes of a picture file.
std::vector<uint8_t> read_picture_file(const std::filesystem::path& path);

// The bytes of a PNG file, 8 bits per channel. alpha: 1 channel of the image's size, or none (height 0).
// `chunks` stand behind the header as they are.
std::vector<uint8_t> encode_png(const Image& image, const Image& alpha = {},
                                std::span<const uint8_t> chunks = {});
// The bytes of a binary PGM or PPM file.
std::vector<uint8_t> encode_pnm(const Image& image);

// Writes a PNG whole or not at all; a file of that name is replaced.
void write_png(const std::filesystem::path& path, const Image& image);

// The formats by themselves: decode_stored picks one of them.
StoredPicture decode_png(std::span<const uint8_t> file, const std::string& name);
StoredPicture decode_jpeg(std::span<const uint8_t> file, const std::string& name);
StoredPicture decode_pnm(std::span<const uint8_t> file, const std::string& name);

PictureSize png_size(std::span<const uint8_t> head, const std::string& name);
PictureSize jpeg_size(std::span<const uint8_t> head, const std::string& name);
PictureSize pnm_size(std::span<const uint8_t> head, const std::string& name);

// Throws UserError when a file declares more than the limits above; `decoded_bytes` as stored or as
// unpacked, whichever are more.
void check_picture_size(const std::string& name, int64_t height, int64_t width, int64_t decoded_bytes,
                        int64_t file_bytes);

}  // namespace inpaint
