// PNG through libpng; contract in image_codec.h.
//
// libpng reports errors with longjmp. Each function that calls setjmp holds trivial locals only; what owns
// memory lives in a struct outside of it, so nothing is skipped by the jump.
#include <png.h>
#include <zlib.h>

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
  int64_t height = 0, width = 0;
  std::vector<uint8_t> pixels;  // with alpha, where the file has it
  std::vector<png_bytep> rows;
};

struct PngWriting {
  PngWriting() = default;
  ~PngWriting() { png_destroy_write_struct(&png, &info); }
  PngWriting(const PngWriting&) = delete;
  PngWriting& operator=(const PngWriting&) = delete;

  std::vector<uint8_t> file;
  std::vector<uint8_t> row;  // of colours and alpha
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

// libpng asks for a chunk's memory before it finds that the file is shorter. A chunk is its length, type,
// data and checksum (PNG specification, 5.3).
void check_chunks_are_whole(const PngReading& r) {
  constexpr size_t kSignature = 8, kFrame = 12;
  for (size_t at = kSignature; at < r.file.size();) {
    const size_t left = r.file.size() - at;
    if (left < kFrame || png_get_uint_32(&r.file[at]) > left - kFrame)
      user_error("{}: damaged PNG: the file is cut off", r.name);
    if (std::memcmp(&r.file[at + 4], "IEND", 4) == 0) return;
    at += kFrame + png_get_uint_32(&r.file[at]);
  }
}

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
  r.height = height;
  r.width = width;
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
  return exif_orientation({bytes, count});
}

// zlib's default level takes most of the time of writing: 0.8 s for a photograph of 1920 x 1299. Level 3
// takes a third of that for 2 to 14 % more bytes. Run lengths of one filter take half as long again, but do
// not see what repeats over a distance (a page of text): only large pictures are written so.
void choose_compression(png_structp png, int64_t pixels) {
  constexpr int64_t kLarge = 16 << 20;
  png_set_compression_level(png, 3);
  if (pixels <= kLarge) return;
  png_set_compression_strategy(png, Z_RLE);
  png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_UP);
}

bool write_png(PngWriting& w, const Image& image, const Image& alpha, std::span<const uint8_t> chunks) {
  if (setjmp(png_jmpbuf(w.png)) != 0) return false;
  png_set_write_fn(w.png, &w, write_bytes, flush_nothing);
  const int colour_type = (image.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB) |
                          (alpha.height > 0 ? PNG_COLOR_MASK_ALPHA : 0);
  png_set_IHDR(w.png, w.info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height),
               8, colour_type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  choose_compression(w.png, image.height * image.width);
  png_write_info(w.png, w.info);
  w.file.insert(w.file.end(), chunks.begin(), chunks.end());
  for (int64_t row = 0; row < image.height; ++row) {
    const uint8_t* colours = image.pixel(row, 0);
    if (alpha.height > 0) {
      uint8_t* to = w.row.data();
      const uint8_t* from = colours;
      for (int64_t column = 0; column < image.width; ++column, from += image.channels) {
        to = std::copy_n(from, image.channels, to);
        *to++ = *alpha.pixel(row, column);
      }
      colours = w.row.data();
    }
    png_write_row(w.png, colours);
  }
  png_write_end(w.png, w.info);
  return true;
}

}  // namespace

StoredPicture decode_png(std::span<const uint8_t> file, const std::string& name) {
  PngReading r(file, name);
  check_chunks_are_whole(r);
  r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error<PngReading>, ignore_warning);
  if (r.png != nullptr) r.info = png_create_info_struct(r.png);
  INPAINT_CHECK(r.info != nullptr, "libpng cannot start");
  if (!read_png(r)) user_error("{}: damaged PNG: {}", name, r.message);
  const int channels = png_get_channels(r.png, r.info);
  StoredPicture picture;
  if (channels == 2 || channels == 4) {
    picture = split_alpha(r.pixels, r.height, r.width, channels - 1);
  } else {
    picture.colours.height = r.height;
    picture.colours.width = r.width;
    picture.colours.channels = channels;
    picture.colours.bytes = std::move(r.pixels);
  }
  picture.orientation = orientation_of(r);
  return picture;
}

// The first chunk, IHDR, lies at byte 8 and begins with width and height (PNG specification, 11.2.2).
PictureSize png_size(std::span<const uint8_t> head, const std::string& name) {
  if (head.size() < 24 || std::memcmp(head.data() + 12, "IHDR", 4) != 0)
    user_error("{}: damaged PNG: no header", name);
  return {png_get_uint_32(head.data() + 20), png_get_uint_32(head.data() + 16)};
}

std::vector<uint8_t> encode_png(const Image& image, const Image& alpha, std::span<const uint8_t> chunks) {
  INPAINT_CHECK(image.height >= 1 && image.width >= 1, "image {} x {}", image.height, image.width);
  INPAINT_CHECK(alpha.height == 0 || (alpha.height == image.height && alpha.width == image.width),
                "image {} x {} with alpha {} x {}", image.height, image.width, alpha.height, alpha.width);
  PngWriting w;
  w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w, on_error<PngWriting>, ignore_warning);
  if (w.png != nullptr) w.info = png_create_info_struct(w.png);
  INPAINT_CHECK(w.info != nullptr, "libpng cannot start");
  if (alpha.height > 0) w.row.resize(static_cast<size_t>(image.width * (image.channels + 1)));
  INPAINT_CHECK(write_png(w, image, alpha, chunks), "libpng: {}", w.message);
  return std::move(w.file);
}

}  // namespace inpaint
