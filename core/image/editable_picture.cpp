#include "core/image/editable_picture.h"

#include <zlib.h>

#include <algorithm>
#include <string_view>

#include "core/image/exif_edit.h"
#include "core/image/exif_orientation.h"
#include "core/image/jpeg_repaint.h"
#include "core/image/picture_notes.h"

namespace inpaint {
namespace {

// Turned as the file stores it: the inverse of upright().
Image turned_back(Image image, int orientation) {
  return upright(std::move(image), orientation == 6 ? 8 : orientation == 8 ? 6 : orientation);
}

void put_number(std::vector<uint8_t>& to, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<uint8_t>(value >> shift));
}

uint32_t number_at(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

// A chunk of a PNG: length, type, data, and the CRC-32 of type and data (PNG specification, 5.3).
void put_chunk(std::vector<uint8_t>& to, std::string_view type, std::span<const uint8_t> data) {
  put_number(to, static_cast<uint32_t>(data.size()));
  const size_t begin = to.size();
  to.insert(to.end(), type.begin(), type.end());
  to.insert(to.end(), data.begin(), data.end());
  put_number(to, static_cast<uint32_t>(::crc32(0, to.data() + begin, static_cast<uInt>(to.size() - begin))));
}

// A block that is damaged, and still turns a picture that has been made upright, is left out.
void put_exif(std::vector<uint8_t>& to, std::span<const uint8_t> exif, bool made_upright) {
  std::vector<uint8_t> block(exif.begin(), exif.end());
  remove_thumbnail(block);
  if (made_upright) {
    set_upright(block);
    if (exif_orientation(block) != 1) return;
  }
  put_chunk(to, "eXIf", block);
}

// The chunks of a PNG that say something about its pixels which stays true: colours, size in print, EXIF,
// texts. The file has been decoded, so its chunks are whole; one with a wrong checksum was passed over then,
// and is left out.
std::vector<uint8_t> notes_of_png(std::span<const uint8_t> file) {
  static constexpr std::string_view kKept[] = {"sRGB", "gAMA", "cHRM", "iCCP", "cICP",
                                               "pHYs", "tEXt", "zTXt", "iTXt"};
  constexpr size_t kSignature = 8, kFrame = 12;  // a chunk's length, type and checksum
  std::vector<uint8_t> notes;
  for (size_t at = kSignature; at + kFrame <= file.size();) {
    const size_t length = number_at(&file[at]);
    if (length > file.size() - at - kFrame) break;
    const std::string_view type(reinterpret_cast<const char*>(&file[at + 4]), 4);
    const auto data = file.subspan(at + 8, length);
    const uint8_t* body = &file[at + 4];
    const bool is_good = ::crc32(0, body, static_cast<uInt>(4 + length)) == number_at(body + 4 + length);
    if (is_good && type == "eXIf") put_exif(notes, data, false);
    if (is_good && std::ranges::find(kKept, type) != std::end(kKept)) put_chunk(notes, type, data);
    at += kFrame + length;
  }
  return notes;
}

// The same as PNG chunks of what another file says of its picture, which has been turned upright.
std::vector<uint8_t> chunks_of(const PictureNotes& found) {
  constexpr std::string_view kName = "ICC";
  std::vector<uint8_t> notes;
  if (!found.profile.empty()) {
    uLongf size = ::compressBound(found.profile.size());
    std::vector<uint8_t> data(kName.begin(), kName.end());
    data.insert(data.end(), {0, 0});  // the end of the name, and the method of compression
    const size_t begin = data.size();
    data.resize(begin + size);
    INPAINT_CHECK(::compress(data.data() + begin, &size, found.profile.data(), found.profile.size()) == Z_OK,
                  "zlib: a profile of {} bytes", found.profile.size());
    data.resize(begin + size);
    put_chunk(notes, "iCCP", data);
  }
  if (!found.exif.empty()) put_exif(notes, found.exif, true);
  return notes;
}

std::vector<uint8_t> foreign_notes(std::span<const uint8_t> file, PictureFormat format,
                                   const std::string& name) {
  if (format == PictureFormat::kJpeg) return chunks_of(jpeg_notes(file, name));
#ifdef INPAINT_WEBP
  if (format == PictureFormat::kWebp) return chunks_of(webp_notes(file, name));
#endif
#ifdef INPAINT_HEIF
  if (format == PictureFormat::kHeif) return chunks_of(heif_notes(file, name));
#endif
  return {};
}

std::string_view name_of(PictureFormat format) {
  static constexpr std::string_view kNames[] = {"PNG", "JPEG", "PNM", "WebP", "HEIF"};
  return kNames[static_cast<size_t>(format)];
}

}  // namespace

EditablePicture::EditablePicture(const std::filesystem::path& path)
    : EditablePicture(read_picture_file(path), path.string()) {}

EditablePicture::EditablePicture(std::vector<uint8_t> file, const std::string& name)
    : path_(name), bytes_(std::move(file)), format_(picture_format(bytes_, name)) {
  StoredPicture stored = decode_stored(bytes_, name);
  orientation_ = stored.orientation;
  image_ = upright(std::move(stored.colours), orientation_);
  if (stored.alpha.height > 0) alpha_ = upright(std::move(stored.alpha), orientation_);
}

std::vector<uint8_t> EditablePicture::as_png(const Image& painted, const Image& mask) const {
  Image alpha = alpha_;
  for (size_t pixel = 0; pixel < alpha.bytes.size(); ++pixel)
    if (mask.bytes[pixel] != 0) alpha.bytes[pixel] = 255;
  if (format_ != PictureFormat::kPng)
    return encode_png(painted, alpha, foreign_notes(bytes_, format_, path_.string()));
  const int turned = alpha.height > 0 ? orientation_ : 1;
  return encode_png(turned_back(painted, orientation_), turned_back(std::move(alpha), turned),
                    notes_of_png(bytes_));
}

std::vector<uint8_t> EditablePicture::repainted(const Image& painted, const Image& mask,
                                                PictureFormat format) const {
  for (const Image* image : {&painted, &mask})
    INPAINT_CHECK(image->height == image_.height && image->width == image_.width, "{} x {} for {} x {}",
                  image->height, image->width, image_.height, image_.width);
  INPAINT_CHECK(painted.channels == image_.channels && mask.channels == 1, "{} and {} channels for {}",
                painted.channels, mask.channels, image_.channels);
  if (format == PictureFormat::kPng) return as_png(painted, mask);
  if (!can_write(format_))
    user_error("{}: a {} does not become a {}; let the result be a PNG", path_.string(), name_of(format_),
               name_of(format));
  if (format != format_)
    user_error("{}: a {} does not become a {}; let the result be a {} or a PNG", path_.string(),
               name_of(format_), name_of(format), name_of(format_));
  if (format == PictureFormat::kPnm) return encode_pnm(painted);
  if (orientation_ == 1) return repaint_jpeg(bytes_, path_.string(), painted, mask);
  return repaint_jpeg(bytes_, path_.string(), turned_back(painted, orientation_),
                      turned_back(mask, orientation_));
}

}  // namespace inpaint
