// Pictures in files: PNG, JPEG, PNM, WebP and HEIF in, PNG and PNM out. (editable_picture.h paints into a
// file.)
//
// The first bytes of a file say what it is, never its name. Grey files give 1 channel, all others 3.
//   PNG   every depth, palette and interlacing; 16 bits become 8
//   JPEG  baseline and progressive, any sampling; CMYK becomes RGB. The first picture counts: what phones put
//         behind it (videos, second pictures, gain maps) is left alone
//   PNM   P2, P3, P5, P6, comments in the header, any maxval up to 65535, scaled to 0..255 with rounding
//   WebP  lossy and lossless; an animation is refused. Always 3 channels
//   HEIF  HEIC (HEVC) and AVIF, as far as libheif has a decoder; the primary picture counts, as its file
//         turns, mirrors and crops it; more than 8 bits become 8. Always 3 channels
// WebP and HEIF are read where the program was built with libwebp and libheif; see can_read.
// PNG, JPEG and WebP are turned upright as their EXIF orientation says. Colour profiles and gamma are not
// applied. Transparent parts are laid over black.
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

enum class PictureFormat { kPng, kJpeg, kPnm, kWebp, kHeif };

// Whether this program was built with the library that reads the format.
bool can_read(PictureFormat format);
// Whether pictures of this format can be written; editable_picture.h.
inline bool can_write(PictureFormat format) {
  return format != PictureFormat::kWebp && format != PictureFormat::kHeif;
}

// UserError that says what the file is, and how to convert it, when it is none of these, or cannot be read.
PictureFormat picture_format(std::span<const uint8_t> file, const std::string& name);
// The same from the first bytes of a file on the disk.
PictureFormat picture_format(const std::filesystem::path& path);

// A picture as its file stores it.
struct StoredPicture {
  Image colours;        // also where it is transparent
  Image alpha;          // 1 channel, 255 = opaque; height 0 where the file has none
  int orientation = 1;  // see exif_orientation.h
};

StoredPicture decode_stored(std::span<const uint8_t> file, const std::string& name);

// Pixels of colours and alpha, one behind the other, apart. channels: 1 or 3, of the colours.
StoredPicture split_alpha(std::span<const uint8_t> pixels, int64_t height, int64_t width, int channels);

// Whether a pixel of the picture is not opaque.
bool is_transparent(const StoredPicture& picture);

// Upright, and transparent parts laid over black: colour * alpha / 255, rounded.
Image laid_over_black(StoredPicture picture);

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
StoredPicture decode_webp(std::span<const uint8_t> file, const std::string& name);
StoredPicture decode_heif(std::span<const uint8_t> file, const std::string& name);

PictureSize png_size(std::span<const uint8_t> head, const std::string& name);
PictureSize jpeg_size(std::span<const uint8_t> head, const std::string& name);
PictureSize pnm_size(std::span<const uint8_t> head, const std::string& name);
PictureSize webp_size(std::span<const uint8_t> head, const std::string& name);
PictureSize heif_size(std::span<const uint8_t> head, const std::string& name);

// Throws UserError when a file declares more than the limits above; `decoded_bytes` as stored or as
// unpacked, whichever are more.
void check_picture_size(const std::string& name, int64_t height, int64_t width, int64_t decoded_bytes,
                        int64_t file_bytes);

}  // namespace inpaint
