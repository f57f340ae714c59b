#include <doctest/doctest.h>
#include <png.h>
#include <zlib.h>

#include <algorithm>

#include "core/image/image_codec.h"
#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;

namespace {

struct PngLayout {
  int colour_type, depth, interlace = PNG_INTERLACE_NONE;
  bool transparent_palette = false;
};

// A PNG written by libpng as the rows are given (packed as the layout says); without rows, one that has an
// empty chunk where its pixels should be.
std::vector<uint8_t> make_png(uint32_t width, uint32_t height, PngLayout layout, std::vector<uint8_t> rows,
                              const std::vector<png_color>& palette = {}) {
  std::vector<uint8_t> file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &file,
      [](png_structp p, png_bytep from, png_size_t n) {
        auto& to = *static_cast<std::vector<uint8_t>*>(png_get_io_ptr(p));
        to.insert(to.end(), from, from + n);
      },
      [](png_structp) {});
  png_set_IHDR(png, info, width, height, layout.depth, layout.colour_type, layout.interlace, 0, 0);
  if (!palette.empty()) png_set_PLTE(png, info, palette.data(), static_cast<int>(palette.size()));
  const png_byte alpha[] = {255, 128};
  if (layout.transparent_palette) png_set_tRNS(png, info, alpha, 2, nullptr);
  png_write_info(png, info);
  if (!rows.empty()) {
    const size_t stride = png_get_rowbytes(png, info);
    std::vector<png_bytep> pointers;
    for (uint32_t row = 0; row < height; ++row) pointers.push_back(rows.data() + row * stride);
    png_write_image(png, pointers.data());
    png_write_end(png, info);
  } else {
    png_write_chunk(png, reinterpret_cast<png_const_bytep>("IDAT"), nullptr, 0);
  }
  png_destroy_write_struct(&png, &info);
  return file;
}

// Puts a chunk in front of the pixels, or behind them.
std::vector<uint8_t> with_chunk(std::vector<uint8_t> file, const std::string& type,
                                const std::vector<uint8_t>& data, bool behind) {
  const auto put = [](std::vector<uint8_t>& to, uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<uint8_t>(value >> shift));
  };
  std::vector<uint8_t> body(type.begin(), type.end()), chunk;
  body.insert(body.end(), data.begin(), data.end());
  put(chunk, static_cast<uint32_t>(data.size()));
  chunk.insert(chunk.end(), body.begin(), body.end());
  put(chunk, static_cast<uint32_t>(crc32(0, body.data(), static_cast<uInt>(body.size()))));
  constexpr int64_t kSignatureAndHeader = 8 + 25, kEnd = 12;
  file.insert(behind ? file.end() - kEnd : file.begin() + kSignatureAndHeader, chunk.begin(), chunk.end());
  return file;
}

Image ramp(int64_t height, int64_t width, int channels) {
  Image image(height, width, channels);
  for (size_t i = 0; i < image.bytes.size(); ++i) image.bytes[i] = static_cast<uint8_t>(i * 37 + i / 7);
  return image;
}

}  // namespace

TEST_CASE("png: what is written is read back, byte for byte") {
  for (const int channels : {1, 3})
    for (const auto& [height, width] : {std::pair<int64_t, int64_t>{1, 1}, {7, 5}, {64, 129}}) {
      const Image image = ramp(height, width, channels);
      CHECK(decode_image(encode_png(image), "memory") == image);
    }
}

TEST_CASE("png: a picture so large that it is compressed in a hurry") {
  Image image(4096, 4097, 1);
  for (size_t i = 0; i < image.bytes.size(); ++i) image.bytes[i] = static_cast<uint8_t>(i >> 12 ^ i % 61);
  CHECK((decode_image(encode_png(image), "memory") == image));  // not printed where they differ
}

TEST_CASE("png: turned upright as its EXIF chunk says, in front of the pixels or behind them") {
  const Image stored = ramp(3, 5, 3);
  const auto exif = [](uint8_t value) {  // one tag, the orientation (0x0112, type SHORT)
    return std::vector<uint8_t>{'M', 'M', 0, 42, 0, 0, 0,     8, 0, 1, 0x01, 0x12, 0,
                                3,   0,   0, 0,  1, 0, value, 0, 0, 0, 0,    0,    0};
  };
  for (const bool behind : {false, true}) {
    const auto turned = [&](uint8_t value) {
      return decode_image(with_chunk(encode_png(stored), "eXIf", exif(value), behind), "memory");
    };
    CHECK(turned(1) == stored);
    CHECK(turned(9) == stored);
    const Image half = turned(3), quarter = turned(6);
    REQUIRE(half.width == 5);
    REQUIRE(quarter.width == 3);
    REQUIRE(quarter.height == 5);
    for (int c = 0; c < 3; ++c) {
      CHECK(half.pixel(2, 4)[c] == stored.pixel(0, 0)[c]);
      CHECK(quarter.pixel(0, 2)[c] == stored.pixel(0, 0)[c]);  // the stored first row is the right side
      CHECK(quarter.pixel(4, 2)[c] == stored.pixel(0, 4)[c]);
    }
  }
  CHECK(decode_image(with_chunk(encode_png(stored), "eXIf", {'M', 'M', 0}, false), "memory") == stored);
}

TEST_CASE("png: sixteen bits are rounded to eight") {
  // 0x0180 = 384 is 1.494 of 255 steps, 0x0181 = 385 is 1.498, 0x0182 = 386 is 1.502
  const auto file =
      make_png(4, 1, {PNG_COLOR_TYPE_GRAY, 16}, {0x01, 0x81, 0x01, 0x82, 0xff, 0xff, 0x80, 0x00});
  const Image image = decode_image(file, "memory");
  CHECK(image.channels == 1);
  CHECK(image.bytes == std::vector<uint8_t>{1, 2, 255, 128});
}

TEST_CASE("png: grey of few bits is spread over the whole range") {
  const auto file = make_png(8, 1, {PNG_COLOR_TYPE_GRAY, 1}, {0b10110001});
  CHECK(decode_image(file, "memory").bytes == std::vector<uint8_t>{255, 0, 255, 255, 0, 0, 0, 255});
  const auto two_bits = make_png(4, 1, {PNG_COLOR_TYPE_GRAY, 2}, {0b00011011});
  CHECK(decode_image(two_bits, "memory").bytes == std::vector<uint8_t>{0, 85, 170, 255});
}

TEST_CASE("png: palettes become RGB, with transparency laid over black") {
  const std::vector<png_color> palette = {{10, 20, 30}, {200, 100, 51}};
  const Image opaque =
      decode_image(make_png(2, 1, {PNG_COLOR_TYPE_PALETTE, 1}, {0b01000000}, palette), "memory");
  CHECK(opaque.channels == 3);
  CHECK(opaque.bytes == std::vector<uint8_t>{10, 20, 30, 200, 100, 51});
  const Image half = decode_image(
      make_png(2, 1, {PNG_COLOR_TYPE_PALETTE, 1, PNG_INTERLACE_NONE, true}, {0b01000000}, palette), "memory");
  // 200 * 128 / 255 = 100.4, 100 * 128 / 255 = 50.2, 51 * 128 / 255 = 25.6
  CHECK(half.bytes == std::vector<uint8_t>{10, 20, 30, 100, 50, 26});
}

TEST_CASE("png: alpha is laid over black") {
  const auto grey = make_png(3, 1, {PNG_COLOR_TYPE_GRAY_ALPHA, 8}, {90, 255, 90, 0, 90, 85});
  CHECK(decode_image(grey, "memory").bytes == std::vector<uint8_t>{90, 0, 30});
  const auto colour = make_png(2, 1, {PNG_COLOR_TYPE_RGB_ALPHA, 8}, {9, 8, 7, 255, 255, 100, 3, 51});
  const Image image = decode_image(colour, "memory");
  CHECK(image.channels == 3);
  CHECK(image.bytes == std::vector<uint8_t>{9, 8, 7, 51, 20, 1});
}

TEST_CASE("png: interlaced files give the same picture") {
  const Image image = ramp(13, 21, 3);
  const auto file = make_png(21, 13, {PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_ADAM7}, image.bytes);
  CHECK(decode_image(file, "memory") == image);
}

TEST_CASE("png: every cut and every flipped bit is refused") {
  const std::vector<uint8_t> file = encode_png(ramp(6, 5, 3));
  for (size_t length = 0; length < file.size(); ++length) {
    INFO("cut to ", length);
    const auto message = error_message([&] { decode_image({file.data(), length}, "cut.png"); });
    CHECK(message.starts_with("cut.png: "));
  }
  for (size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::vector<uint8_t> damaged = file;
    damaged[bit / 8] = static_cast<uint8_t>(damaged[bit / 8] ^ (1u << (bit % 8)));
    INFO("bit ", bit);
    CHECK_THROWS_AS(decode_image(damaged, "flipped.png"), UserError);
  }
}

TEST_CASE("png: a header that asks for too much is refused before decoding") {
  const auto huge = make_png(20000, 20000, {PNG_COLOR_TYPE_RGB, 8}, {});
  CHECK(contains(error_message([&] { decode_image(huge, "bomb.png"); }), "20000 x 20000 pixels"));
  // Within the absolute limit, but no photograph of 33 bytes has so many pixels.
  const auto large = make_png(8192, 8192, {PNG_COLOR_TYPE_RGB, 8}, {});
  CHECK(contains(error_message([&] { decode_image(large, "bomb.png"); }), "no photograph"));
  CHECK_NOTHROW(check_picture_size("photo.jpg", 8192, 8192, 8192 * 8192 * 3, 4 << 20));
}

TEST_CASE("png: write_png replaces whole files and leaves nothing behind when it fails") {
  const TemporaryFolder folder;
  put_file(folder / "picture.png", "old");
  write_png(folder / "picture.png", ramp(4, 4, 1));
  CHECK(decode_image(folder / "picture.png") == ramp(4, 4, 1));

  CHECK(error_message([&] {
          write_png(folder / "missing/picture.png", ramp(4, 4, 1));
        }).starts_with((folder / "missing").string()));
  std::filesystem::create_directories(folder / "taken.png/inside");
  CHECK_THROWS_AS(write_png(folder / "taken.png", ramp(4, 4, 1)), UserError);
  CHECK(folder.names() == std::set<std::string>{"picture.png", "taken.png"});
}
