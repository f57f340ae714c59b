#include "core/image/image_codec.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "core/file/file.h"
#include "core/file/replace_file.h"
#include "core/image/exif_orientation.h"

namespace inpaint {
namespace {

#ifdef INPAINT_WEBP
constexpr bool kReadsWebp = true;
#else
constexpr bool kReadsWebp = false;
#endif
#ifdef INPAINT_HEIF
constexpr bool kReadsHeif = true;
#else
constexpr bool kReadsHeif = false;
#endif

// The first `limit` bytes, or all of them.
std::vector<uint8_t> read_bytes(const std::filesystem::path& path, int64_t limit) {
  const File file(path, O_RDONLY | O_NONBLOCK);  // a pipe without a writer would block for ever
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0 || !S_ISREG(status.st_mode))
    user_error("{}: not a file", path.string());
  if (file.size() > kMaxPictureFileBytes)
    user_error("{}: {} bytes; picture files above {} are refused", path.string(), file.size(),
               kMaxPictureFileBytes);
  std::vector<uint8_t> bytes(static_cast<size_t>(std::min(file.size(), limit)));
  file.read_at(0, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

bool starts_with(std::span<const uint8_t> file, std::string_view magic, size_t offset = 0) {
  return file.size() >= offset + magic.size() &&
         std::memcmp(file.data() + offset, magic.data(), magic.size()) == 0;
}

// Whether an ISO media file (HEIC, AVIF) names one of the brands, as its own or as one it is compatible with.
bool has_brand(std::span<const uint8_t> file, std::initializer_list<std::string_view> brands) {
  if (!starts_with(file, "ftyp", 4)) return false;
  const size_t box = size_t{file[0]} << 24 | size_t{file[1]} << 16 | size_t{file[2]} << 8 | file[3];
  const size_t end = std::min(box, file.size());
  for (size_t at = 8; at + 4 <= end; at += at == 8 ? 8 : 4)  // the major brand's version lies behind it
    for (const std::string_view brand : brands)
      if (starts_with(file, brand, at)) return true;
  return false;
}

bool is_webp(std::span<const uint8_t> file) {
  return starts_with(file, "RIFF") && starts_with(file, "WEBP", 8);
}

bool is_avif(std::span<const uint8_t> file) { return has_brand(file, {"avif", "avis"}); }

bool is_heic(std::span<const uint8_t> file) {
  return has_brand(file,
                   {"heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "mif2", "msf1"});
}

// What a file we cannot read is, where that is easy to tell, and a command that converts it.
struct ForeignFormat {
  std::string_view name, command;
};

std::optional<ForeignFormat> foreign_format(std::span<const uint8_t> file) {
  using namespace std::string_view_literals;
  constexpr std::string_view kMagick = "magick FILE out.png", kHeif = "heif-convert FILE out.jpg";
  if (starts_with(file, "GIF8")) return ForeignFormat{"a GIF", kMagick};
  if (is_webp(file)) return ForeignFormat{"a WebP", "dwebp FILE -o out.png"};
  if (starts_with(file, "BM")) return ForeignFormat{"a BMP", kMagick};
  if (starts_with(file, "II*\0"sv) || starts_with(file, "MM\0*"sv) || starts_with(file, "II+\0"sv) ||
      starts_with(file, "MM\0+"sv))
    return ForeignFormat{"a TIFF", kMagick};  // and some cameras' raw files
  if (is_avif(file)) return ForeignFormat{"an AVIF", kHeif};
  if (is_heic(file)) return ForeignFormat{"a HEIC", kHeif};
  if (starts_with(file, "\xff\x0a"sv) || starts_with(file, "\0\0\0\x0cJXL "sv))
    return ForeignFormat{"a JPEG XL", "djxl FILE out.png"};
  if (starts_with(file, "\0\0\0\x0cjP  "sv)) return ForeignFormat{"a JPEG 2000", kMagick};
  if (starts_with(file, "8BPS")) return ForeignFormat{"a Photoshop", kMagick};
  if (starts_with(file, "P1") || starts_with(file, "P4")) return ForeignFormat{"a PBM bitmap", kMagick};
  return std::nullopt;
}

int64_t short_side(std::span<const uint8_t> head, const std::string& name) {
  const PictureSize size = picture_size(head, name);
  return std::min(size.height, size.width);
}

void lay_over_black(StoredPicture& picture) {
  uint8_t* value = picture.colours.bytes.data();
  for (const unsigned alpha : picture.alpha.bytes)
    for (int c = 0; c < picture.colours.channels; ++c, ++value)
      *value = static_cast<uint8_t>((*value * alpha + 127u) / 255u);
}

}  // namespace

bool can_read(PictureFormat format) {
  return (format != PictureFormat::kWebp || kReadsWebp) && (format != PictureFormat::kHeif || kReadsHeif);
}

PictureFormat picture_format(const std::filesystem::path& path) {
  constexpr int64_t kFirstBytes = 256;  // the brands of an ISO media file
  return picture_format(read_bytes(path, kFirstBytes), path.string());
}

PictureFormat picture_format(std::span<const uint8_t> file, const std::string& name) {
  if (file.empty()) user_error("{}: the file is empty", name);
  if (starts_with(file, "\x89PNG\r\n\x1a\n")) return PictureFormat::kPng;
  if (starts_with(file, "\xff\xd8\xff")) return PictureFormat::kJpeg;
  for (const std::string_view magic : {"P2", "P3", "P5", "P6"})
    if (starts_with(file, magic)) return PictureFormat::kPnm;
  if (kReadsWebp && is_webp(file)) return PictureFormat::kWebp;
  if (kReadsHeif && (is_avif(file) || is_heic(file))) return PictureFormat::kHeif;
  if (const auto foreign = foreign_format(file))
    user_error("{}: {} picture; convert it to PNG or JPEG first, for instance with `{}`", name, foreign->name,
               foreign->command);
  user_error("{}: not a PNG, JPEG, WebP, HEIF, PGM or PPM picture", name);
}

StoredPicture decode_stored(std::span<const uint8_t> file, const std::string& name) {
  switch (picture_format(file, name)) {
    case PictureFormat::kPng:
      return decode_png(file, name);
    case PictureFormat::kJpeg:
      return decode_jpeg(file, name);
    case PictureFormat::kPnm:
      return decode_pnm(file, name);
    case PictureFormat::kWebp:
      if constexpr (kReadsWebp) return decode_webp(file, name);
      break;
    case PictureFormat::kHeif:
      if constexpr (kReadsHeif) return decode_heif(file, name);
      break;
  }
  throw Error("unknown picture format");
}

StoredPicture split_alpha(std::span<const uint8_t> pixels, int64_t height, int64_t width, int channels) {
  INPAINT_CHECK(std::ssize(pixels) == height * width * (channels + 1), "{} bytes for {} x {} x {} and alpha",
                pixels.size(), height, width, channels);
  StoredPicture picture{.colours = Image(height, width, channels), .alpha = Image(height, width, 1)};
  const uint8_t* from = pixels.data();
  uint8_t* to = picture.colours.bytes.data();
  for (uint8_t& alpha : picture.alpha.bytes) {
    to = std::copy_n(from, channels, to);
    alpha = from[channels];
    from += channels + 1;
  }
  return picture;
}

bool is_transparent(const StoredPicture& picture) {
  return std::ranges::any_of(picture.alpha.bytes, [](uint8_t alpha) { return alpha != 255; });
}

Image laid_over_black(StoredPicture picture) {
  if (picture.alpha.height > 0) lay_over_black(picture);
  return upright(std::move(picture.colours), picture.orientation);
}

Image decode_image(std::span<const uint8_t> file, const std::string& name) {
  return laid_over_black(decode_stored(file, name));
}

Image decode_image(const std::filesystem::path& path) {
  return decode_image(read_picture_file(path), path.string());
}

std::vector<uint8_t> read_picture_file(const std::filesystem::path& path) {
  return read_bytes(path, kMaxPictureFileBytes);
}

PictureSize picture_size(std::span<const uint8_t> head, const std::string& name) {
  switch (picture_format(head, name)) {
    case PictureFormat::kPng:
      return png_size(head, name);
    case PictureFormat::kJpeg:
      return jpeg_size(head, name);
    case PictureFormat::kPnm:
      return pnm_size(head, name);
    case PictureFormat::kWebp:
      if constexpr (kReadsWebp) return webp_size(head, name);
      break;
    case PictureFormat::kHeif:
      if constexpr (kReadsHeif) return heif_size(head, name);
      break;
  }
  throw Error("unknown picture format");
}

int64_t picture_short_side(const std::filesystem::path& path) {
  constexpr int64_t kHead = 1 << 16;  // a camera's notes and thumbnail may be larger: then the whole file
  const std::vector<uint8_t> head = read_bytes(path, kHead);
  try {
    return short_side(head, path.string());
  } catch (const UserError&) {
    if (static_cast<int64_t>(head.size()) < kHead) throw;
  }
  return short_side(read_picture_file(path), path.string());
}

void write_png(const std::filesystem::path& path, const Image& image) {
  const std::vector<uint8_t> bytes = encode_png(image);
  replace_file(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void check_picture_size(const std::string& name, int64_t height, int64_t width, int64_t decoded_bytes,
                        int64_t file_bytes) {
  if (height < 1 || width < 1) user_error("{}: declares {} x {} pixels", name, width, height);
  // Neither factor is above 2^31, so the product does not overflow.
  const int64_t pixels = height * width;
  if (pixels > kMaxPicturePixels)
    user_error("{}: declares {} x {} pixels; pictures above {} pixels are refused, scale it down first", name,
               width, height, kMaxPicturePixels);
  if (pixels > kTrustedPicturePixels && decoded_bytes / kMaxPictureExpansion > file_bytes)
    user_error(
        "{}: declares {} x {} pixels in a file of {} bytes, which no photograph fits in; refused, "
        "scale it down first",
        name, width, height, file_bytes);
}

}  // namespace inpaint
