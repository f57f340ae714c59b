// JPEG through libjpeg; contract in image_codec.h.
//
// The decoder walks the file's markers: it begins with the first picture and stops at that one's end marker,
// so what lies behind it (a phone's video, a second picture, a gain map) is never looked at. Where the bytes
// end before the end marker, the file is cut off.
//
// libjpeg reports errors with longjmp. Each function that calls setjmp holds trivial locals only; what owns
// memory lives in a struct outside of it, so nothing is skipped by the jump.
#include <cstdio>  // for jpeglib.h
//
#include <jpeglib.h>

#include <algorithm>
#include <csetjmp>
#include <string>
#include <vector>

#include "core/image/exif_orientation.h"
#include "core/image/image_codec.h"

namespace inpaint {
namespace {

struct JpegReading {
  explicit JpegReading(std::span<const uint8_t> file);
  ~JpegReading() { jpeg_destroy_decompress(&decoder); }
  JpegReading(const JpegReading&) = delete;
  JpegReading& operator=(const JpegReading&) = delete;

  jpeg_decompress_struct decoder = {};
  jpeg_error_mgr errors = {};
  jpeg_source_mgr source = {};
  jpeg_progress_mgr progress = {};
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX] = "";
  std::vector<uint8_t> pixels;  // as the decoder gives them
};

[[noreturn]] void fail(j_common_ptr decoder, const char* message) {
  auto& reading = *static_cast<JpegReading*>(decoder->client_data);
  std::snprintf(reading.message, sizeof reading.message, "%s", message);
  std::longjmp(reading.jump, 1);
}

void on_error(j_common_ptr decoder) {
  char message[JMSG_LENGTH_MAX];
  decoder->err->format_message(decoder, message);
  fail(decoder, message);
}

void ignore_message(j_common_ptr, int) {}
void no_action(j_decompress_ptr) {}

boolean on_end_of_bytes(j_decompress_ptr decoder) {
  fail(reinterpret_cast<j_common_ptr>(decoder), "the file is cut off");
}

void skip_bytes(j_decompress_ptr decoder, long count) {
  if (count <= 0) return;
  jpeg_source_mgr& source = *decoder->src;
  if (static_cast<size_t>(count) > source.bytes_in_buffer) on_end_of_bytes(decoder);
  source.next_input_byte += count;
  source.bytes_in_buffer -= static_cast<size_t>(count);
}

// A small progressive file can repeat a scan very often, each of which takes as long as the picture is large.
void limit_scans(j_common_ptr decoder) {
  constexpr int kMostScans = 500;
  if (reinterpret_cast<j_decompress_ptr>(decoder)->input_scan_number > kMostScans)
    fail(decoder, "more than 500 scans");
}

JpegReading::JpegReading(std::span<const uint8_t> file) {
  decoder.err = jpeg_std_error(&errors);
  decoder.client_data = this;
  errors.error_exit = on_error;
  errors.emit_message = ignore_message;
  source = {.next_input_byte = file.data(),
            .bytes_in_buffer = file.size(),
            .init_source = no_action,
            .fill_input_buffer = on_end_of_bytes,
            .skip_input_data = skip_bytes,
            .resync_to_restart = jpeg_resync_to_restart,
            .term_source = no_action};
  progress.progress_monitor = limit_scans;
}

bool read_header(JpegReading& r) {
  if (setjmp(r.jump) != 0) return false;
  jpeg_create_decompress(&r.decoder);
  r.decoder.src = &r.source;
  r.decoder.progress = &r.progress;
  jpeg_read_header(&r.decoder, TRUE);
  return true;
}

// Into r.pixels, which has the right size.
bool read_pixels(JpegReading& r, J_COLOR_SPACE colours) {
  if (setjmp(r.jump) != 0) return false;
  r.decoder.out_color_space = colours;
  r.decoder.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&r.decoder);
  const size_t row_bytes =
      static_cast<size_t>(r.decoder.output_width) * static_cast<size_t>(r.decoder.output_components);
  while (r.decoder.output_scanline < r.decoder.output_height) {
    JSAMPROW row = r.pixels.data() + r.decoder.output_scanline * row_bytes;
    jpeg_read_scanlines(&r.decoder, &row, 1);
  }
  jpeg_finish_decompress(&r.decoder);  // reads to the end marker
  return true;
}

[[noreturn]] void refuse(const JpegReading& r, const std::string& name) {
  user_error("{}: damaged JPEG: {}", name, r.message);
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

Image decode_jpeg(std::span<const uint8_t> file, const std::string& name) {
  JpegReading r(file);
  if (!read_header(r)) refuse(r, name);
  const int64_t height = r.decoder.image_height, width = r.decoder.image_width;
  const J_COLOR_SPACE stored = r.decoder.jpeg_color_space;
  const bool grey = stored == JCS_GRAYSCALE, four_colours = stored == JCS_CMYK || stored == JCS_YCCK;
  const int64_t decoded_bytes = height * width * (grey ? 1 : four_colours ? 4 : 3);
  check_picture_size(name, height, width, decoded_bytes, static_cast<int64_t>(file.size()));

  r.pixels.resize(static_cast<size_t>(decoded_bytes));
  if (!read_pixels(r, grey ? JCS_GRAYSCALE : four_colours ? JCS_CMYK : JCS_RGB)) refuse(r, name);
  Image image;
  image.height = height;
  image.width = width;
  image.channels = grey ? 1 : 3;
  image.bytes = four_colours ? rgb_of_cmyk(r.pixels) : std::move(r.pixels);
  return upright(std::move(image), exif_orientation(file));
}

int64_t jpeg_short_side(std::span<const uint8_t> head, const std::string& name) {
  JpegReading r(head);
  if (!read_header(r)) refuse(r, name);
  return std::min(r.decoder.image_height, r.decoder.image_width);
}

}  // namespace inpaint
