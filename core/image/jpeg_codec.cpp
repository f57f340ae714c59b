// JPEG through libjpeg; contract in image_codec.h.
#include <algorithm>
#include <vector>

#include "core/image/exif_orientation.h"
#include "core/image/image_codec.h"
#include "core/image/jpeg_reading.h"

namespace inpaint {
namespace {

bool read_header(JpegReading& r, bool keep_markers) {
  if (setjmp(r.jump) != 0) return false;
  r.start(keep_markers);
  return true;
}

// As the first EXIF marker says, whatever stands before it.
int orientation_of(const JpegReading& r) {
  for (jpeg_saved_marker_ptr m = r.decoder.marker_list; m != nullptr; m = m->next)
    if (m->marker == JPEG_APP0 + 1 && m->data_length > sizeof kExifName &&
        std::equal(std::begin(kExifName), std::end(kExifName), m->data))
      return exif_orientation({m->data + sizeof kExifName, m->data_length - sizeof kExifName});
  return 1;
}

// Into `pixels`, which has the right size.
bool read_pixels(JpegReading& r, J_COLOR_SPACE colours, std::vector<uint8_t>& pixels) {
  if (setjmp(r.jump) != 0) return false;
  r.decoder.out_color_space = colours;
  r.decoder.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&r.decoder);
  const size_t row_bytes =
      static_cast<size_t>(r.decoder.output_width) * static_cast<size_t>(r.decoder.output_components);
  while (r.decoder.output_scanline < r.decoder.output_height) {
    JSAMPROW row = pixels.data() + r.decoder.output_scanline * row_bytes;
    jpeg_read_scanlines(&r.decoder, &row, 1);
  }
  jpeg_finish_decompress(&r.decoder);  // reads to the end marker
  return true;
}

// Adobe's four-colour files store ink upside down (255 = none), so that RGB = CMY * K / 255.
std::vector<uint8_t> rgb_of_cmyk(const std::vector<uint8_t>& cmyk) {
  std::vector<uint8_t> rgb(cmyk.size() / 4 * 3);
  const uint8_t* from = cmyk.data();
  for (uint8_t* to = rgb.data(); to != rgb.data() + rgb.size(); to += 3, from += 4)
    for (int c = 0; c < 3; ++c) to[c] = static_cast<uint8_t>((from[c] * from[3] + 127) / 255);
  return rgb;
}

}  // namespace

StoredPicture decode_jpeg(std::span<const uint8_t> file, const std::string& name) {
  JpegReading r(file);
  if (!read_header(r, true)) r.refuse(name);
  const int orientation = orientation_of(r);  // libjpeg forgets its markers with the last row
  const int64_t height = r.decoder.image_height, width = r.decoder.image_width;
  const J_COLOR_SPACE stored = r.decoder.jpeg_color_space;
  const bool grey = stored == JCS_GRAYSCALE, four_colours = stored == JCS_CMYK || stored == JCS_YCCK;
  const int64_t decoded_bytes = height * width * (grey ? 1 : four_colours ? 4 : 3);
  check_picture_size(name, height, width, decoded_bytes, static_cast<int64_t>(file.size()));

  std::vector<uint8_t> pixels(static_cast<size_t>(decoded_bytes));
  if (!read_pixels(r, grey ? JCS_GRAYSCALE : four_colours ? JCS_CMYK : JCS_RGB, pixels)) r.refuse(name);
  StoredPicture picture;
  Image& image = picture.colours;
  image.height = height;
  image.width = width;
  image.channels = grey ? 1 : 3;
  image.bytes = four_colours ? rgb_of_cmyk(pixels) : std::move(pixels);
  picture.orientation = orientation;
  return picture;
}

PictureSize jpeg_size(std::span<const uint8_t> head, const std::string& name) {
  JpegReading r(head);
  if (!read_header(r, false)) r.refuse(name);
  return {r.decoder.image_height, r.decoder.image_width};
}

}  // namespace inpaint
