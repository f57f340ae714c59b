// JPEG through TurboJPEG, EXIF orientation through libexif; contract in image_codec.h.
#include <libexif/exif-data.h>
#include <turbojpeg.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <type_traits>

#include "core/image/image_codec.h"

namespace inpaint {
namespace {

struct DestroyDecoder {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Decoder = std::unique_ptr<std::remove_pointer_t<tjhandle>, DestroyDecoder>;

struct UnrefExif {
  void operator()(ExifData* data) const { exif_data_unref(data); }
};

// 1..8 as EXIF defines them; 1 (upright) when the file does not say.
int exif_orientation(std::span<const uint8_t> file) {
  const std::unique_ptr<ExifData, UnrefExif> data(
      exif_data_new_from_data(file.data(), static_cast<unsigned>(file.size())));
  if (!data) return 1;
  const ExifEntry* entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
  if (entry == nullptr || entry->format != EXIF_FORMAT_SHORT || entry->components != 1) return 1;
  const int value = exif_get_short(entry->data, exif_data_get_byte_order(data.get()));
  return value >= 1 && value <= 8 ? value : 1;
}

// Orientation says which sides of the upright picture the stored first row and first column are
// (EXIF 2.32, tag 0x0112): 5 to 8 swap rows and columns, the others only mirror.
Image upright(Image stored, int orientation) {
  if (orientation == 1) return stored;
  const bool swap = orientation >= 5;
  const bool mirror_rows = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool mirror_columns = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  Image out(swap ? stored.width : stored.height, swap ? stored.height : stored.width, stored.channels);
  uint8_t* to = out.bytes.data();
  for (int64_t row = 0; row < out.height; ++row) {
    for (int64_t column = 0; column < out.width; ++column, to += out.channels) {
      const int64_t u = swap ? column : row, v = swap ? row : column;
      std::copy_n(
          stored.pixel(mirror_rows ? stored.height - 1 - u : u, mirror_columns ? stored.width - 1 - v : v),
          out.channels, to);
    }
  }
  return out;
}

// Adobe's four-colour files store ink upside down (255 = none), so that RGB = CMY * K / 255.
Image rgb_of_cmyk(const Image& size, const std::vector<uint8_t>& cmyk) {
  Image out(size.height, size.width, 3);
  const uint8_t* from = cmyk.data();
  for (uint8_t* to = out.bytes.data(); to != out.bytes.data() + out.bytes.size(); to += 3, from += 4)
    for (int c = 0; c < 3; ++c) to[c] = static_cast<uint8_t>((from[c] * from[3] + 127) / 255);
  return out;
}

// libjpeg fills what is missing at the end with grey and only warns. The end marker cannot occur in the coded
// pixels, and a thumbnail's lies before the last start of scan.
bool cut_off(std::span<const uint8_t> file) {
  using namespace std::string_view_literals;
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  const size_t scan = text.rfind("\xff\xda"sv), end = text.rfind("\xff\xd9"sv);
  return end == std::string_view::npos || (scan != std::string_view::npos && end < scan);
}

Decoder start_decoder() {
  Decoder decoder(tjInitDecompress());
  INPAINT_CHECK(decoder != nullptr, "TurboJPEG cannot start: {}", tjGetErrorStr2(nullptr));
  return decoder;
}

bool failed(tjhandle decoder, int result) {
  return result != 0 && tjGetErrorCode(decoder) == TJERR_FATAL;  // warnings return -1 too
}

struct Header {
  int height = 0, width = 0, colour_space = 0;
};

Header read_header(tjhandle decoder, std::span<const uint8_t> file, const std::string& name) {
  Header header;
  int subsampling = 0;
  const int result = tjDecompressHeader3(decoder, file.data(), static_cast<unsigned long>(file.size()),
                                         &header.width, &header.height, &subsampling, &header.colour_space);
  // A file cut off in its head is but a warning with a size of 0.
  if (failed(decoder, result) || header.width < 1 || header.height < 1)
    user_error("{}: damaged JPEG: {}", name, tjGetErrorStr2(decoder));
  return header;
}

}  // namespace

Image decode_jpeg(std::span<const uint8_t> file, const std::string& name) {
  const Decoder decoder = start_decoder();
  const auto [height, width, colour_space] = read_header(decoder.get(), file, name);
  const bool grey = colour_space == TJCS_GRAY;
  const bool four_colours = colour_space == TJCS_CMYK || colour_space == TJCS_YCCK;
  const int stored_channels = grey ? 1 : four_colours ? 4 : 3;
  check_picture_size(name, height, width, int64_t{height} * width * stored_channels,
                     static_cast<int64_t>(file.size()));

  Image image(height, width, grey ? 1 : 3);
  std::vector<uint8_t> cmyk(four_colours ? static_cast<size_t>(int64_t{height} * width * 4) : 0);
  const int result = tjDecompress2(decoder.get(), file.data(), static_cast<unsigned long>(file.size()),
                                   four_colours ? cmyk.data() : image.bytes.data(), width, 0, height,
                                   grey           ? TJPF_GRAY
                                   : four_colours ? TJPF_CMYK
                                                  : TJPF_RGB,
                                   TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS);
  if (failed(decoder.get(), result)) user_error("{}: damaged JPEG: {}", name, tjGetErrorStr2(decoder.get()));
  if (cut_off(file)) user_error("{}: damaged JPEG: the file is cut off", name);
  if (four_colours) image = rgb_of_cmyk(image, cmyk);
  return upright(std::move(image), exif_orientation(file));
}

int64_t jpeg_short_side(std::span<const uint8_t> head, const std::string& name) {
  const Header header = read_header(start_decoder().get(), head, name);
  return std::min(header.height, header.width);
}

}  // namespace inpaint
