#include <doctest/doctest.h>

#include <tuple>

#include "core/image/image_codec.h"
#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;

namespace {

Image decode_text(const std::string& text) {
  return decode_image({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, "picture.pnm");
}

std::string refusal(const std::string& text) {
  return error_message([&] { decode_text(text); });
}

}  // namespace

TEST_CASE("pnm: plain grey and colour, with comments") {
  const Image grey = decode_text("P2 # made by hand\n3 2\n# maxval follows\n255\n0 1 2\n253 254 255\n");
  CHECK(grey.channels == 1);
  CHECK(grey.height == 2);
  CHECK(grey.width == 3);
  CHECK(grey.bytes == std::vector<uint8_t>{0, 1, 2, 253, 254, 255});
  const Image colour = decode_text("P3\n1 2 255 1 2 3\n4 5 6");
  CHECK(colour.channels == 3);
  CHECK(colour.bytes == std::vector<uint8_t>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("pnm: raw grey and colour") {
  // the first sample looks like white space: exactly one ends the header
  CHECK(decode_text(std::string("P5\n2 2\n255\n\n\0\xff#", 15)).bytes ==
        std::vector<uint8_t>{10, 0, 255, 35});
  const Image colour = decode_text("P6 1 1 255 abc");
  CHECK(colour.channels == 3);
  CHECK(colour.bytes == std::vector<uint8_t>{'a', 'b', 'c'});
}

TEST_CASE("pnm: any maxval is scaled to 255 with rounding") {
  CHECK(decode_text("P2 4 1 100 0 1 50 100").bytes == std::vector<uint8_t>{0, 3, 128, 255});
  CHECK(decode_text("P2 2 1 1 0 1").bytes == std::vector<uint8_t>{0, 255});
  CHECK(decode_text("P2 3 1 65535 0 385 386").bytes == std::vector<uint8_t>{0, 1, 2});
  // two bytes, high byte first: 0x0181 = 385, 0xffff
  CHECK(decode_text("P5 2 1 65535 \x01\x81\xff\xff").bytes == std::vector<uint8_t>{1, 255});
}

TEST_CASE("pnm: damage is named with its place") {
  CHECK(contains(refusal("P5 2 2 255 abc"), "3 bytes are left where at least 4 are needed"));
  CHECK(contains(refusal("P2 2 1 255 7"), "cut off"));
  CHECK(contains(refusal("P2 2 1 255 7      "), "cut off at byte 18"));
  CHECK(contains(refusal("P2 2 1 255 7 x"), "not a number at byte 13"));
  CHECK(contains(refusal("P2 2 1 255 7 256"), "a number above 255"));
  CHECK(contains(refusal("P5 2 1 100 \x10\x70"), "a sample of 112 above maxval 100"));
  CHECK(contains(refusal("P5 2 1 0 ab"), "maxval"));
  CHECK(contains(refusal("P5 2 1 65536 ab"), "a number above 65535"));
  CHECK(contains(refusal("P5 0 1 255 ab"), "0 x 1 pixels"));
  CHECK(contains(refusal("P5 2 1 255"), "white space"));
  CHECK(contains(refusal("P5 # a comment without an end"), "cut off"));
  CHECK(contains(refusal("P5"), "cut off"));
  CHECK(contains(refusal("P5 -2 1 255 ab"), "not a number"));
}

TEST_CASE("pnm: a header that asks for too much is refused before decoding") {
  CHECK(contains(refusal("P5 4000 4000 255 ab"), "no photograph"));
  CHECK(contains(refusal("P5 20000 20000 255 ab"), "20000 x 20000 pixels"));
  CHECK(contains(refusal("P6 268435456 268435456 65535 ab"), "are refused"));
  CHECK(contains(refusal("P5 99999999999999999999 1 255 ab"), "a number above"));
  CHECK(contains(refusal("P5 2000 2000 255 ab"), "are needed"));
}

TEST_CASE("decode_image: files that are no pictures are named with the reason") {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& name) {
    const std::string message = error_message([&] { decode_image(folder / name); });
    CHECK(message.starts_with((folder / name).string() + ": "));
    CHECK(!contains(message, "\n"));
    return message;
  };
  CHECK(contains(refused("missing.png"), "No such file"));
  put_file(folder / "empty.jpg", "");
  CHECK(contains(refused("empty.jpg"), "empty"));
  put_file(folder / "notes.png", "not a picture at all");
  CHECK(contains(refused("notes.png"), "not a PNG, JPEG, WebP, HEIF, PGM or PPM"));
  put_file(folder / "moving.png", "GIF89a......");
  CHECK(contains(refused("moving.png"), "a GIF"));
  using namespace std::string_literals;
  const auto box =
      [](const std::string& brands) {  // an ISO media file's first box; the first brand has a version
        const std::string body = "ftyp" + brands.substr(0, 4) + "\0\0\0\0"s + brands.substr(4);
        return "\0\0\0"s + static_cast<char>(body.size() + 4) + body + "mdat";
      };
  const std::pair<std::string, std::string> foreign[] = {
      {"\xff\x0a\0\0"s, "a JPEG XL"},
      {"\0\0\0\x0cJXL \r\n"s, "a JPEG XL"},
      {"\0\0\0\x0cjP  \r\n"s, "a JPEG 2000"},
      {"II*\0\x10"s, "a TIFF"},
      {"MM\0*"s, "a TIFF"},
      {"BM1234", "a BMP"},
      {"8BPS\0\1"s, "a Photoshop"},
  };
  for (const auto& [bytes, what] : foreign) {
    put_file(folder / "other.png", bytes);
    CHECK(contains(refused("other.png"), what));
  }
  // Where the program was built without their libraries.
  const std::tuple<std::string, PictureFormat, std::string> optional[] = {
      {"RIFF\1\2\3\4WEBPVP8 ", PictureFormat::kWebp,
       "a WebP picture; convert it to PNG or JPEG first, for instance with `dwebp"},
      {box("heic"), PictureFormat::kHeif,
       "a HEIC picture; convert it to PNG or JPEG first, for instance with `heif-convert"},
      {box("heix"), PictureFormat::kHeif, "a HEIC"},
      {box("mif1miafheic"), PictureFormat::kHeif, "a HEIC"},
      {box("mif1avifmiaf"), PictureFormat::kHeif, "an AVIF"},
      {box("avis"), PictureFormat::kHeif, "an AVIF"},
  };
  for (const auto& [bytes, format, what] : optional) {
    put_file(folder / "other.png", bytes);
    if (can_read(format))
      CHECK(picture_format(folder / "other.png") == format);
    else
      CHECK(contains(refused("other.png"), what));
  }
  put_file(folder / "film.png", box("isommp42"));
  CHECK(contains(refused("film.png"), "not a PNG, JPEG, WebP, HEIF, PGM or PPM"));
  CHECK(contains(refused(""), "not a file"));
}

TEST_CASE("decode_image: the content decides, not the name") {
  const TemporaryFolder folder;
  put_file(folder / "picture.jpg", "P5 1 1 255 a");
  CHECK(decode_image(folder / "picture.jpg").bytes == std::vector<uint8_t>{'a'});
}

TEST_CASE("picture_short_side: the shorter side of the file's picture, from its head") {
  const TemporaryFolder folder;
  const auto side = [&](const std::string& contents) {
    put_file(folder / "p", contents);
    return picture_short_side(folder / "p");
  };
  const auto png = [](int64_t height, int64_t width) {
    const std::vector<uint8_t> bytes = encode_png(Image(height, width, 3));
    return std::string(bytes.begin(), bytes.end());
  };
  CHECK(side(png(5, 300)) == 5);
  CHECK(side(png(300, 7)) == 7);
  CHECK(side(png(300, 7).substr(0, 24)) == 7);  // the rest is not looked at
  CHECK(contains(error_message([&] { side(png(300, 7).substr(0, 23)); }), "damaged PNG: no header"));
  CHECK(side("P6 12 9 255\n") == 9);
  CHECK(side("P2\n# two\n3 80\n7\n0") == 3);
  CHECK(contains(error_message([&] { side("P6 12 9"); }), "the file is cut off"));
  CHECK(contains(error_message([&] { side("notes"); }), "not a PNG"));
  CHECK(contains(error_message([&] { side(""); }), "the file is empty"));
  CHECK(contains(error_message([&] { picture_short_side(folder.path()); }), "not a file"));
  CHECK(side("P6 #" + std::string(100'000, 'x') + "\n12 9 255\n") == 9);  // a head that is larger than most
}
