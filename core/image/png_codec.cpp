// PNG through libpng; contract in image_codec.h.
//
// libpng reports errors with longjmp. Each function that calls setjmp holds trivial locals only; what owns
// memory lives in a struct outside of it, so nothing is skipped by the jump.
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>

#include "core/image/exif_orientation.h"
#include "core/image/image_codec.h"

namespace inpaint {
namespace {

struct PngReading {
  PngReading(std::span<const uint8_t> bytes, const std::string& file_name) : file(bytes), name(file_name) {}
  ~PngReading() { png_destroy_read_struct(&png, &info, nullptr); }
  PngReading(const PngReading&) = delete;
  PngReading& operator=(const PngReading&) = delete;

  std::span<const uint8_t> file;
  const std::string& name;
  size_t position = 0;
  std::string message;
  png_structp png = nullptr;
  png_infop info = nullptr;
  Image image;
  std::vector<uint8_t> pixels;  // with alpha, where the file has it
  std::vector<png_bytep> rows;
};

struct PngWriting {
  PngWriting() = default;
  ~PngWriting() { png_destroy_write_struct(&png, &info); }
  PngWriting(const PngWriting&) = delete;
  PngWriting& operator=(const PngWriting&) = delete;

  std::vector<uint8_t> file;
  std::string message;
  png_structp png = nullptr;
  png_infop info = nullptr;
};

template <typename State>
void on_error(png_structp png, png_const_charp message) {
  static_cast<State*>(png_get_error_ptr(png))->message = message;
  longjmp(png_jmpbuf(png), 1);
}

void ignore_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep to, png_size_t count) {
  PngReading& reading = *static_cast<PngReading*>(png_get_io_ptr(png));
  if (count > reading.file.size() - reading.position) png_error(png, "the file is cut off");
  std::memcpy(to, reading.file.data() + reading.position, count);
  reading.position += count;
}

void write_bytes(png_structp png, png_bytep from, png_size_t count) {
  std::vector<uint8_t>& file = static_cast<PngWriting*>(png_get_io_ptr(png))->file;
  file.insert(file.end(), from, from + count);
}

void flush_nothing(png_structp) {}

// Everything is unpacked to 8 bits of grey, grey + alpha, RGB or RGB + alpha.
bool read_png(PngReading& r) {
  if (setjmp(png_jmpbuf(r.png)) != 0) return false;
  png_set_read_fn(r.png, &r, read_bytes);
  // What nothing here asks for is skipped: small files can hold texts that unpack to gigabytes.
  static constexpr png_byte kSkipped[] = "iCCP\0iTXt\0tEXt\0zTXt\0sPLT";
  png_set_keep_unknown_chunks(r.png, PNG_HANDLE_CHUNK_NEVER, kSkipped, sizeof kSkipped / 5);
  png_read_info(r.png, r.info);
  const int64_t width = png_get_image_width(r.png, r.info), height = png_get_image_height(r.png, r.info);
  // As they are unpacked: a file may store as little as a bit for each.
  const int64_t channels =
      png_get_color_type(r.png, r.info) == PNG_COLOR_TYPE_PALETTE ? 3 : png_get_channels(r.png, r.info);
  const int64_t alpha = png_get_valid(r.png, r.info, PNG_INFO_tRNS) != 0 ? 1 : 0;
  const int64_t row_as_stored = static_cast<int64_t>(png_get_rowbytes(r.png, r.info));
  check_picture_size(r.name, height, width, std::max(row_as_stored, width * (channels + alpha)) * height,
                     static_cast<int64_t>(r.file.size()));
  png_set_expand(r.png);
  png_set_scale_16(r.png);
  png_read_update_info(r.png, r.info);
  const size_t row_bytes = png_get_rowbytes(r.png, r.info);
  r.image.height = height;
  r.image.width = width;
  r.pixels.resize(row_bytes * static_cast<size_t>(height));
  r.rows.resize(static_cast<size_t>(height));
  for (size_t row = 0; row < r.rows.size(); ++row) r.rows[row] = r.pixels.data() + row * row_bytes;
  png_read_image(r.png, r.rows.data());
  png_read_end(r.png, r.info);  // checks the last checksums; EXIF may stand behind the pixels
  return true;
}

// The chunk eXIf holds an EXIF block without its name.
int orientation_of(const PngReading& r) {
  png_uint_32 count = 0;
  png_bytep bytes = nullptr;
  if (png_get_eXIf_1(r.png, r.info, &count, &bytes) == 0) return 1;
  std::vector<uint8_t> block = {'E', 'x', 'i', 'f', 0, 0};
  block.insert(block.end(), bytes, bytes + count);
  return exif_orientation(block);
}

// Lays pixels of `channels` + alpha over black, in place.
void multiply_alpha(std::vector<uint8_t>& pixels, int channels) {
  const size_t count = pixels.size() / static_cast<size_t>(channels + 1);
  const uint8_t* from = pixels.data();
  uint8_t* to = pixels.data();
  for (size_t i = 0; i < count; ++i, from += channels + 1, to += channels) {
    const unsigned alpha = from[channels];
    for (int c = 0; c < channels; ++c) to[c] = static_cast<uint8_t>((from[c] * alpha + 127u) / 255u);
  }
  pixels.resize(count * static_cast<size_t>(channels));
}

bool write_png(PngWriting& w, const Image& image) {
  if (setjmp(png_jmpbuf(w.png)) != 0) return false;
  png_set_write_fn(w.png, &w, write_bytes, flush_nothing);
  png_set_IHDR(w.png, w.info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height),
               8, image.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(w.png, w.info);
  for (int64_t row = 0; row < image.height; ++row) png_write_row(w.png, image.pixel(row, 0));
  png_write_end(w.png, w.info);
  return true;
}

}  // namespace

Image decode_png(std::span<const uint8_t> file, const std::string& name) {
  PngReading r(file, name);
  r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error<PngReading>, ignore_warning);
  if (r.png != nullptr) r.info = png_create_info_struct(r.png);
  INPAINT_CHECK(r.info != nullptr, "libpng cannot start");
  if (!read_png(r)) user_error("{}: damaged PNG: {}", name, r.message);
  const int channels = png_get_channels(r.png, r.info);
  const bool alpha = channels == 2 || channels == 4;
  r.image.channels = alpha ? channels - 1 : channels;
  if (alpha) multiply_alpha(r.pixels, r.image.channels);
  r.image.bytes = std::move(r.pixels);
  return upright(std::move(r.image), orientation_of(r));
}

// The first chunk, IHDR, lies at byte 8 and begins with width and height (PNG specification, 11.2.2).
int64_t png_short_side(std::span<const uint8_t> head, const std::string& name) {
  if (head.size() < 24 || std::memcmp(head.data() + 12, "IHDR", 4) != 0)
    user_error("{}: damaged PNG: no header", name);
  return std::min(png_get_uint_32(head.data() + 16), png_get_uint_32(head.data() + 20));
}

std::vector<uint8_t> encode_png(const Image& image) {
  INPAINT_CHECK(image.height >= 1 && image.width >= 1, "image {} x {}", image.height, image.width);
  PngWriting w;
  w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w, on_error<PngWriting>, ignore_warning);
  if (w.png != nullptr) w.info = png_create_info_struct(w.png);
  INPAINT_CHECK(w.info != nullptr, "libpng cannot start");
  INPAINT_CHECK(write_png(w, image), "libpng: {}", w.message);
  return std::move(w.file);
}

}  // namespace inpaint
