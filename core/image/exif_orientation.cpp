// Through libexif; contract in exif_orientation.h.
#include "core/image/exif_orientation.h"

#include <libexif/exif-data.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace inpaint {
namespace {

struct UnrefExif {
  void operator()(ExifData* data) const { exif_data_unref(data); }
};

}  // namespace

int exif_orientation(std::span<const uint8_t> tiff) {
  std::vector<uint8_t> bytes(std::begin(kExifName), std::end(kExifName));  // libexif asks for it
  bytes.insert(bytes.end(), tiff.begin(), tiff.end());
  const std::unique_ptr<ExifData, UnrefExif> data(
      exif_data_new_from_data(bytes.data(), static_cast<unsigned>(bytes.size())));
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

}  // namespace inpaint
