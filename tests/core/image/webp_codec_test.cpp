#include <doctest/doctest.h>

#include <algorithm>

#include "core/image/editable_picture.h"
#include "core/image/exif_orientation.h"
#include "core/image/image_codec.h"
#include "core/image/picture_notes.h"
#include "tests/core/image/exif_block.h"
#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"
#include "tests/harness/webp_writing.h"

using namespace inpaint;

namespace {

using Bytes = std::vector<uint8_t>;

Image waves(int64_t height, int64_t width) {
  Image image(height, width, 3);
  for (size_t i = 0; i < image.bytes.size(); ++i) image.bytes[i] = static_cast<uint8_t>(i * i / 7 % 251);
  return image;
}

Image ramp(int64_t height, int64_t width) {
  Image alpha(height, width, 1);
  for (size_t i = 0; i < alpha.bytes.size(); ++i) alpha.bytes[i] = static_cast<uint8_t>(5 * i);
  return alpha;
}

std::string refusal(const Bytes& file) {
  return error_message([&] { decode_image(file, "a.webp"); });
}

}  // namespace

TEST_CASE("webp: lossless pixels come back, whatever the name says") {
  const TemporaryFolder folder;
  const Image image = waves(9, 14);
  const Bytes file = webp_file(image);
  CHECK(picture_format(file, "a") == PictureFormat::kWebp);
  CHECK(decode_image(file, "a") == image);
  put_file(folder / "a.jpg", {file.begin(), file.end()});
  CHECK(picture_format(folder / "a.jpg") == PictureFormat::kWebp);
  CHECK(decode_image(folder / "a.jpg") == image);
  CHECK(picture_short_side(folder / "a.jpg") == 9);
  CHECK(decode_stored(file, "a").alpha.height == 0);
}

TEST_CASE("webp: lossy pixels come back about") {
  Image image(40, 40, 3);
  std::fill(image.bytes.begin(), image.bytes.end(), uint8_t{90});
  uint8_t* bytes = nullptr;
  const size_t size = WebPEncodeRGB(image.bytes.data(), 40, 40, 120, 90, &bytes);
  const Image back = decode_image(std::span(bytes, size), "a");
  WebPFree(bytes);
  REQUIRE(back.bytes.size() == image.bytes.size());
  CHECK(std::ranges::all_of(back.bytes, [](int value) { return std::abs(value - 90) < 4; }));
}

TEST_CASE("webp: transparent parts are laid over black, and their colours kept for who wants them") {
  const Image image = waves(9, 14), alpha = ramp(9, 14);
  const Bytes file = webp_file(image, alpha);
  const StoredPicture stored = decode_stored(file, "a");
  CHECK(stored.colours == image);
  CHECK(stored.alpha == alpha);
  CHECK(is_transparent(stored));
  CHECK(decode_image(file, "a") == decode_image(encode_png(image, alpha), "a.png"));
  Image opaque = alpha;
  std::fill(opaque.bytes.begin(), opaque.bytes.end(), uint8_t{255});
  CHECK_FALSE(is_transparent(decode_stored(webp_file(image, opaque), "a")));
}

TEST_CASE("webp: turned upright as its EXIF says, with and without the name before the block") {
  const Image image = waves(9, 14);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Bytes block = exif_block(orientation % 2 == 0, orientation);
    CHECK(decode_image(webp_with_chunk(webp_file(image), "EXIF", block), "a") == upright(image, orientation));
    Bytes named = {'E', 'x', 'i', 'f', 0, 0};
    named.insert(named.end(), block.begin(), block.end());
    const Bytes file = webp_with_chunk(webp_file(image), "EXIF", named);
    CHECK(decode_image(file, "a") == upright(image, orientation));
    CHECK(webp_notes(file, "a").exif == block);
  }
  const Bytes broken = {'I', 'I', 42};
  CHECK(decode_image(webp_with_chunk(webp_file(image), "EXIF", broken), "a") == image);
}

TEST_CASE("webp: cut off anywhere it is refused, and a damaged byte never gives less than a picture") {
  for (const Bytes& file :
       {webp_file(waves(9, 14)), webp_with_chunk(webp_file(waves(9, 14)), "EXIF", exif_block(true, 6))}) {
    for (size_t size = 12; size < file.size(); ++size) {
      CAPTURE(size);
      CHECK(contains(refusal({file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)}),
                     "a.webp: damaged WebP: "));
    }
    for (size_t at = 12; at < file.size(); ++at)
      for (const int flip : {0x01, 0x80}) {
        Bytes damaged = file;
        damaged[at] ^= static_cast<uint8_t>(flip);
        try {
          const Image image = decode_image(damaged, "a.webp");
          CHECK(std::ssize(image.bytes) == image.height * image.width * 3);
        } catch (const UserError& error) {
          CHECK(contains(error.what(), "a.webp: "));
        }
      }
  }
}

TEST_CASE("webp: an animation is refused with a command that takes a picture of it") {
  WebPMux* mux = WebPMuxNew();
  for (int frame = 0; frame < 2; ++frame) {
    const Bytes file = webp_file(waves(9, 14));
    WebPMuxFrameInfo info = {};
    info.bitstream = {file.data(), file.size()};
    info.id = WEBP_CHUNK_ANMF;
    info.duration = 100;
    REQUIRE(WebPMuxPushFrame(mux, &info, 1) == WEBP_MUX_OK);
  }
  const WebPMuxAnimParams parameters{0, 0};
  REQUIRE(WebPMuxSetAnimationParams(mux, &parameters) == WEBP_MUX_OK);
  WebPData whole;
  REQUIRE(WebPMuxAssemble(mux, &whole) == WEBP_MUX_OK);
  CHECK(contains(refusal({whole.bytes, whole.bytes + whole.size}), "an animated WebP; take one"));
  WebPDataClear(&whole);
  WebPMuxDelete(mux);
}

TEST_CASE("webp: a picture that is painted into becomes a PNG with profile and EXIF") {
  const Image image = waves(20, 30), alpha = ramp(20, 30);
  const std::string profile = "any profile at all";
  const Bytes file = webp_with_chunk(webp_with_chunk(webp_file(image, alpha), "EXIF", exif_block(true, 6)),
                                     "ICCP", {profile.begin(), profile.end()});
  const EditablePicture picture(file, "a.webp");
  CHECK(picture.format() == PictureFormat::kWebp);
  CHECK(picture.result_format() == PictureFormat::kPng);
  REQUIRE(picture.image() == upright(image, 6));
  Image painted = picture.image(), mask(30, 20, 1);
  *mask.pixel(3, 4) = 1;
  std::fill_n(painted.pixel(3, 4), 3, uint8_t{200});
  const Bytes png = picture.repainted(painted, mask, PictureFormat::kPng);
  const StoredPicture back = decode_stored(png, "a.png");
  CHECK(back.colours == painted);
  CHECK(back.orientation == 1);
  CHECK(*back.alpha.pixel(3, 4) == 255);
  CHECK(*back.alpha.pixel(3, 5) == *picture.alpha().pixel(3, 5));
  const std::string bytes(png.begin(), png.end());
  CHECK(contains(bytes, "iCCP"));
  CHECK(contains(bytes, "eXIf"));
  CHECK_FALSE(contains(bytes, kThumbnail));
  for (const PictureFormat format : {PictureFormat::kWebp, PictureFormat::kJpeg})
    CHECK(contains(error_message([&] { picture.repainted(painted, mask, format); }),
                   "a.webp: a WebP does not become a "));
}
