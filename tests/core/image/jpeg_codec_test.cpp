#include <doctest/doctest.h>

#include <cstdio>  // for jpeglib.h
//
#include <jpeglib.h>
#include <turbojpeg.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/image/image_codec.h"
#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;

namespace {

std::vector<uint8_t> make_jpeg(const std::vector<uint8_t>& pixels, int width, int height, int format,
                               int subsampling, int flags = 0) {
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const tjhandle handle = tjInitCompress();
  REQUIRE(tjCompress2(handle, pixels.data(), width, 0, height, format, &bytes, &size, subsampling, 100,
                      flags) == 0);
  std::vector<uint8_t> file(bytes, bytes + size);
  tjFree(bytes);
  tjDestroy(handle);
  return file;
}

// With factors (across, down) of each component's samples, as few programs write them.
std::vector<uint8_t> jpeg_with_sampling(const Image& image, const int (&factors)[3][2], bool progressive) {
  jpeg_compress_struct encoder = {};
  jpeg_error_mgr errors = {};
  encoder.err = jpeg_std_error(&errors);
  jpeg_create_compress(&encoder);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&encoder, &bytes, &size);
  encoder.image_width = static_cast<JDIMENSION>(image.width);
  encoder.image_height = static_cast<JDIMENSION>(image.height);
  encoder.input_components = 3;
  encoder.in_color_space = JCS_RGB;
  jpeg_set_defaults(&encoder);
  jpeg_set_quality(&encoder, 100, TRUE);
  if (progressive) jpeg_simple_progression(&encoder);
  for (int c = 0; c < 3; ++c) {
    encoder.comp_info[c].h_samp_factor = factors[c][0];
    encoder.comp_info[c].v_samp_factor = factors[c][1];
  }
  jpeg_start_compress(&encoder, TRUE);
  while (encoder.next_scanline < encoder.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(image.pixel(encoder.next_scanline, 0));
    jpeg_write_scanlines(&encoder, &row, 1);
  }
  jpeg_finish_compress(&encoder);
  jpeg_destroy_compress(&encoder);
  std::vector<uint8_t> file(bytes, bytes + size);
  std::free(bytes);
  return file;
}

// Smooth, with different values in all four corners: survives JPEG within a few levels.
Image slope(int64_t height, int64_t width, int channels) {
  Image image(height, width, channels);
  for (int64_t row = 0; row < height; ++row)
    for (int64_t column = 0; column < width; ++column)
      for (int c = 0; c < channels; ++c)
        image.pixel(row, column)[c] = static_cast<uint8_t>(20 + 4 * row + 2 * column + 30 * c);
  return image;
}

std::vector<uint8_t> jpeg_of(const Image& image, int flags = 0) {
  return make_jpeg(image.bytes, static_cast<int>(image.width), static_cast<int>(image.height),
                   image.channels == 1 ? TJPF_GRAY : TJPF_RGB, image.channels == 1 ? TJSAMP_GRAY : TJSAMP_444,
                   flags);
}

// Puts a segment behind the start-of-image marker.
std::vector<uint8_t> with_segment(std::vector<uint8_t> file, uint8_t marker,
                                  const std::vector<uint8_t>& body) {
  const size_t length = body.size() + 2;
  std::vector<uint8_t> segment = {0xff, marker, static_cast<uint8_t>(length >> 8),
                                  static_cast<uint8_t>(length)};
  segment.insert(segment.end(), body.begin(), body.end());
  file.insert(file.begin() + 2, segment.begin(), segment.end());
  return file;
}

// An EXIF block whose only tag is the orientation (0x0112, type SHORT), in either byte order.
std::vector<uint8_t> exif_orientation(uint8_t value, bool big_endian) {
  if (big_endian)
    return {'E',  'x',  'i', 'f', 0, 0, 'M', 'M', 0, 42,    0, 0, 0, 8, 0, 1,
            0x01, 0x12, 0,   3,   0, 0, 0,   1,   0, value, 0, 0, 0, 0, 0, 0};
  return {'E',  'x',  'i', 'f', 0, 0, 'I', 'I', 42,    0, 8, 0, 0, 0, 1, 0,
          0x12, 0x01, 3,   0,   1, 0, 0,   0,   value, 0, 0, 0, 0, 0, 0, 0};
}

int largest_difference(const Image& a, const Image& b) {
  REQUIRE(a.height == b.height);
  REQUIRE(a.width == b.width);
  REQUIRE(a.channels == b.channels);
  int largest = 0;
  for (size_t i = 0; i < a.bytes.size(); ++i) largest = std::max(largest, std::abs(a.bytes[i] - b.bytes[i]));
  return largest;
}

}  // namespace

TEST_CASE("jpeg: grey and colour, baseline and progressive") {
  for (const int channels : {1, 3})
    for (const int flags : {0, TJFLAG_PROGRESSIVE}) {
      const Image image = slope(21, 35, channels);
      CHECK(largest_difference(decode_image(jpeg_of(image, flags), "memory"), image) <= 2);
    }
}

TEST_CASE("jpeg: four-colour files become RGB") {
  // Stored upside down as Adobe does: RGB = CMY * K / 255.
  std::vector<uint8_t> cmyk;
  Image rgb(16, 16, 3);
  for (int i = 0; i < 256; ++i) {
    cmyk.insert(cmyk.end(), {200, 100, 50, 153});
    const uint8_t expected[] = {120, 60, 30};
    std::copy_n(expected, 3, rgb.bytes.data() + 3 * i);
  }
  const auto file = make_jpeg(cmyk, 16, 16, TJPF_CMYK, TJSAMP_444);
  CHECK(largest_difference(decode_image(file, "memory"), rgb) <= 2);
}

TEST_CASE("jpeg: every EXIF orientation is turned upright") {
  const Image stored = slope(16, 24, 3);
  const std::vector<uint8_t> file = jpeg_of(stored);
  const int64_t h = stored.height, w = stored.width;
  for (uint8_t value = 1; value <= 8; ++value) {
    for (const bool big_endian : {false, true}) {
      INFO("orientation ", static_cast<int>(value), ", big endian ", big_endian);
      const Image image =
          decode_image(with_segment(file, 0xe1, exif_orientation(value, big_endian)), "memory");
      REQUIRE(image.height == (value >= 5 ? w : h));
      REQUIRE(image.width == (value >= 5 ? h : w));
      // Where the stored picture's (0, 0) and (0, w - 1) are once it is upright, from the standard's table:
      // "the 0th row is at the visual <top>, the 0th column at the visual <left>", and so on.
      const int64_t bottom = image.height - 1, right = image.width - 1;
      const int64_t first[9][2] = {{},     {0, 0},     {0, right},      {bottom, right}, {bottom, 0},
                                   {0, 0}, {0, right}, {bottom, right}, {bottom, 0}};
      const int64_t row_end[9][2] = {{},          {0, right},      {0, 0},     {bottom, 0}, {bottom, right},
                                     {bottom, 0}, {bottom, right}, {0, right}, {0, 0}};
      for (int c = 0; c < 3; ++c) {
        CHECK(std::abs(image.pixel(first[value][0], first[value][1])[c] - stored.pixel(0, 0)[c]) <= 2);
        CHECK(std::abs(image.pixel(row_end[value][0], row_end[value][1])[c] - stored.pixel(0, w - 1)[c]) <=
              2);
      }
    }
  }
}

TEST_CASE("jpeg: the EXIF orientation is found behind other segments") {
  const std::vector<uint8_t> turned =
      with_segment(jpeg_of(slope(16, 24, 3)), 0xe1, exif_orientation(6, true));
  const std::vector<uint8_t> thumbnail = {'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 9, 9, 9};
  for (const auto& before :
       {with_segment(turned, 0xe0, thumbnail), with_segment(turned, 0xe2, std::vector<uint8_t>(300, 'p')),
        with_segment(turned, 0xfe, std::vector<uint8_t>(70, 'c')),
        with_segment(turned, 0xe1, std::vector<uint8_t>(90, 'x'))})
    CHECK(decode_image(before, "memory").height == 24);
}

TEST_CASE("jpeg: an orientation out of range or a broken EXIF block changes nothing") {
  const Image stored = slope(16, 24, 1);
  const std::vector<uint8_t> file = jpeg_of(stored);
  for (const uint8_t value : {0, 9, 255})
    CHECK(decode_image(with_segment(file, 0xe1, exif_orientation(value, false)), "memory").width == 24);
  const std::vector<uint8_t> whole = exif_orientation(6, false);
  for (size_t length = 0; length < whole.size() - 8; ++length) {
    const std::vector<uint8_t> cut(whole.begin(), whole.begin() + static_cast<int64_t>(length));
    CHECK(decode_image(with_segment(file, 0xe1, cut), "memory").width == 24);
  }
}

TEST_CASE("jpeg: a file cut off anywhere is refused, whatever lies before its pixels") {
  const std::vector<uint8_t> plain = jpeg_of(slope(24, 24, 3), TJFLAG_PROGRESSIVE);
  // a thumbnail brings an end marker of its own
  const std::vector<uint8_t> thumbnail = with_segment(plain, 0xe1, jpeg_of(slope(8, 8, 1)));
  for (const auto& file : {plain, thumbnail}) {
    CHECK_NOTHROW(decode_image(file, "whole.jpg"));
    for (size_t length = 0; length < file.size(); ++length) {
      INFO("cut to ", length);
      CHECK(error_message([&] { decode_image({file.data(), length}, "cut.jpg"); }).starts_with("cut.jpg: "));
    }
  }
}

TEST_CASE("jpeg: what libjpeg only warns about is not an error") {
  const Image image = slope(24, 24, 3);
  std::vector<uint8_t> file = jpeg_of(image);
  const std::vector<uint8_t> junk(7, 0x33);
  file.insert(file.end() - 2, junk.begin(), junk.end());  // "extraneous bytes before marker 0xd9"
  CHECK(largest_difference(decode_image(file, "memory"), image) <= 2);
  file.insert(file.end(), junk.begin(), junk.end());  // and after it, as some phones write
  CHECK(largest_difference(decode_image(file, "memory"), image) <= 2);
}

TEST_CASE("jpeg: any sampling of the colours") {
  // Factors of the three components, and the picture in halves of brightness and colour, written by libjpeg.
  const int factors[][3][2] = {{{3, 1}, {1, 1}, {1, 1}}, {{1, 4}, {1, 1}, {1, 1}}, {{2, 4}, {1, 1}, {1, 1}},
                               {{4, 2}, {1, 1}, {1, 1}}, {{1, 1}, {2, 2}, {1, 2}}, {{2, 1}, {2, 1}, {1, 1}},
                               {{2, 2}, {2, 1}, {1, 2}}, {{4, 1}, {1, 1}, {2, 1}}};
  const Image image = slope(24, 40, 3);
  for (const auto& sampling : factors) {
    CAPTURE(sampling[0][0]);
    CAPTURE(sampling[0][1]);
    for (const bool progressive : {false, true})
      CHECK(largest_difference(decode_image(jpeg_with_sampling(image, sampling, progressive), "memory"),
                               image) <= 12);
  }
}

TEST_CASE("jpeg: what stands behind the first picture is not looked at") {
  const Image image = slope(24, 24, 3);
  const std::vector<uint8_t> first = jpeg_of(image), second = jpeg_of(slope(40, 16, 1));
  const auto behind = [&](const std::vector<uint8_t>& rest) {
    std::vector<uint8_t> file = first;
    file.insert(file.end(), rest.begin(), rest.end());
    return file;
  };
  // A motion photo's video, by chance with the bytes of a scan's start; a second picture, whole and cut off.
  const std::vector<uint8_t> video = {0,   0,   0,   24,   'f',  't', 'y', 'p', 'm',
                                      'p', '4', '2', 0xff, 0xda, 1,   2,   3};
  const std::vector<uint8_t> half(second.begin(), second.begin() + static_cast<int64_t>(second.size() / 2));
  for (const auto& rest : {video, second, half})
    CHECK(largest_difference(decode_image(behind(rest), "memory"), image) <= 2);
  // But a first picture that is cut off is not made whole by what stands behind it.
  std::vector<uint8_t> cut(first.begin(), first.end() - 40);
  CHECK(contains(error_message([&] { decode_image(cut, "cut.jpg"); }),
                 "cut.jpg: damaged JPEG: the file is cut off"));
}

TEST_CASE("jpeg: a header that asks for too much is refused before decoding") {
  const std::vector<uint8_t> file = jpeg_of(slope(16, 16, 3));
  const auto declare = [&](uint16_t height, uint16_t width) {
    std::vector<uint8_t> bomb = file;
    const std::vector<uint8_t> marker = {0xff, 0xc0};
    const auto frame = std::search(bomb.begin(), bomb.end(), marker.begin(), marker.end());
    REQUIRE(frame != bomb.end());
    frame[5] = static_cast<uint8_t>(height >> 8), frame[6] = static_cast<uint8_t>(height);
    frame[7] = static_cast<uint8_t>(width >> 8), frame[8] = static_cast<uint8_t>(width);
    return bomb;
  };
  CHECK(decode_image(declare(16, 16), "same.jpg").width == 16);
  CHECK(contains(error_message([&] { decode_image(declare(65000, 65000), "bomb.jpg"); }),
                 "65000 x 65000 pixels"));
  CHECK(contains(error_message([&] { decode_image(declare(8000, 8000), "bomb.jpg"); }), "no photograph"));
}

TEST_CASE("jpeg: damage never does worse than an error") {
  const std::vector<uint8_t> file = with_segment(jpeg_of(slope(16, 16, 3)), 0xe1, exif_orientation(6, true));
  int refused = 0;
  for (size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::vector<uint8_t> damaged = file;
    damaged[bit / 8] = static_cast<uint8_t>(damaged[bit / 8] ^ (1u << (bit % 8)));
    try {
      const Image image = decode_image(damaged, "flipped.jpg");
      REQUIRE(image.bytes.size() == static_cast<size_t>(image.height * image.width * image.channels));
    } catch (const UserError&) {
      ++refused;
    }
  }
  CHECK(refused > 100);
}

TEST_CASE("jpeg: the size is in the head, behind whatever a camera puts there") {
  const std::vector<uint8_t> file = jpeg_of(slope(40, 17, 3));
  CHECK(jpeg_size(file, "f").width == 17);
  CHECK(jpeg_size(std::span(file).first(file.size() - 20), "f").width == 17);
  CHECK(contains(error_message([&] { jpeg_size(std::span(file).first(30), "f"); }), "f: damaged JPEG"));
  std::vector<uint8_t> noted = file;
  for (int i = 0; i < 3; ++i) noted = with_segment(noted, 0xed, std::vector<uint8_t>(60'000, 0xff));
  const TemporaryFolder folder;
  put_file(folder / "f", std::string(noted.begin(), noted.end()));
  CHECK(picture_short_side(folder / "f") == 17);
}
