#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/image/editable_picture.h"
#include "core/image/exif_orientation.h"
#include "core/image/heif_sizes.h"
#include "core/image/image_codec.h"
#include "core/image/picture_notes.h"
#include "tests/core/image/exif_block.h"
#include "tests/harness/error_message.h"
#include "tests/harness/heif_writing.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;

namespace {

using Bytes = std::vector<uint8_t>;

// Smooth, and different along rows and columns and in its channels.
Image slope(int64_t height, int64_t width) {
  Image image(height, width, 3);
  for (int64_t row = 0; row < height; ++row)
    for (int64_t column = 0; column < width; ++column)
      for (int c = 0; c < 3; ++c)
        image.pixel(row, column)[c] =
            static_cast<uint8_t>(40 + 60 * c + row + (c == 1 ? -1 : 1) * column / 2);
  return image;
}

int largest_difference(const Image& a, const Image& b) {
  REQUIRE(a.height == b.height);
  REQUIRE(a.width == b.width);
  REQUIRE(a.channels == b.channels);
  int most = 0;
  for (size_t i = 0; i < a.bytes.size(); ++i)
    most = std::max(most, std::abs(int{a.bytes[i]} - int{b.bytes[i]}));
  return most;
}

std::string refusal(const Bytes& file) {
  return error_message([&] { decode_image(file, "a.heic"); });
}

}  // namespace

TEST_CASE("heif: HEIC and AVIF pictures are read, whatever the name says") {
  const TemporaryFolder folder;
  const Image image = slope(64, 96);
  for (const heif_compression_format compression : {heif_compression_HEVC, heif_compression_AV1}) {
    CAPTURE(compression);
    const Bytes file = heif_file(image, {.compression = compression});
    CHECK(picture_format(file, "a") == PictureFormat::kHeif);
    CHECK(largest_difference(decode_image(file, "a"), image) < 8);
    CHECK(decode_stored(file, "a").alpha.height == 0);
    put_file(folder / "a.png", {file.begin(), file.end()});
    CHECK(picture_format(folder / "a.png") == PictureFormat::kHeif);
    CHECK(picture_short_side(folder / "a.png") == 64);
  }
}

TEST_CASE("heif: turned and mirrored as the file says, and not once more as its EXIF says") {
  const Image image = slope(64, 96);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CAPTURE(orientation);
    const Bytes file = heif_file(image, {.orientation = orientation, .exif = exif_block(true, orientation)});
    CHECK(largest_difference(decode_image(file, "a"), upright(image, orientation)) < 8);
    const PictureSize size = picture_size(file, "a");
    CHECK(size.height == (orientation >= 5 ? 96 : 64));
  }
  const Bytes only_exif = heif_file(image, {.exif = exif_block(true, 6)});
  CHECK(largest_difference(decode_image(only_exif, "a"), image) < 8);
}

TEST_CASE("heif: transparent parts are laid over black, and colours multiplied by alpha are divided again") {
  Image image = slope(64, 64), alpha(64, 64, 1);
  for (int64_t row = 0; row < 64; ++row)
    for (int64_t column = 0; column < 64; ++column) *alpha.pixel(row, column) = row < 32 ? 255 : 128;
  const StoredPicture stored = decode_stored(heif_file(image, {.alpha = alpha}), "a");
  CHECK(largest_difference(stored.colours, image) < 8);
  CHECK(largest_difference(stored.alpha, alpha) < 8);
  CHECK(is_transparent(stored));
  Image multiplied = image;
  for (size_t i = 0; i < multiplied.bytes.size(); ++i)
    multiplied.bytes[i] = static_cast<uint8_t>(multiplied.bytes[i] * alpha.bytes[i / 3] / 255);
  const StoredPicture divided =
      decode_stored(heif_file(multiplied, {.alpha = alpha, .premultiplied = true}), "a");
  CHECK(largest_difference(divided.colours, image) < 16);
}

TEST_CASE("heif: cut off it is refused, and a damaged byte never gives less than a picture") {
  const Bytes file = heif_file(slope(64, 96));
  for (size_t size = 32; size < file.size(); size += 7) {
    CAPTURE(size);
    CHECK(contains(refusal({file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)}), "a.heic: "));
  }
  for (size_t at = 32; at < file.size(); at += 3) {
    Bytes damaged = file;
    damaged[at] ^= 0x41;
    try {
      const Image image = decode_image(damaged, "a.heic");
      CHECK(std::ssize(image.bytes) == image.height * image.width * 3);
    } catch (const UserError& error) {
      CHECK(contains(error.what(), "a.heic: "));
      CHECK_FALSE(contains(error.what(), "\n"));
    }
  }
}

TEST_CASE("heif: what libheif cannot decode is named with a command that converts it") {
  const std::string sequence(
      "\0\0\0\x14"
      "ftypmsf1\0\0\0\0msf1",
      20);
  const std::string message = refusal({sequence.begin(), sequence.end()});
  CHECK(contains(message, "a.heic: a HEIF picture that this libheif cannot read; convert it"));
  CHECK(contains(message, "with `heif-convert FILE out.jpg`: "));
}

TEST_CASE("heif: the sizes that the streams ask for are found, those of an alpha plane too") {
  for (const heif_compression_format compression : {heif_compression_HEVC, heif_compression_AV1})
    for (const auto& wanted : {std::pair{64, 96}, {200, 136}, {72, 520}}) {
      const int height = wanted.first, width = wanted.second;
      CAPTURE(compression);
      CAPTURE(width);
      const Image image = slope(height, width);
      const auto sizes = heif_coded_sizes(heif_file(image, {.compression = compression}));
      REQUIRE(!sizes.empty());
      for (const PictureSize& size : sizes) {
        CHECK(size.height == height);
        CHECK(size.width == width);
      }
      const auto both =
          heif_coded_sizes(heif_file(image, {.compression = compression, .alpha = Image(height, width, 1)}));
      CHECK(both.size() == 2 * sizes.size());
    }
  CHECK(heif_coded_sizes({}).empty());
}

TEST_CASE("heif: a picture of another size than the file declares is refused") {
  Bytes file = heif_file(slope(64, 96));
  const std::string type = "ispe";  // its version, then width and height
  const auto found = std::search(file.begin(), file.end(), type.begin(), type.end());
  REQUIRE(found != file.end());
  found[11] = 128;
  CHECK(contains(refusal(file), "damaged HEIF: it declares 128 x 64 pixels and holds 96 x 64"));
}

TEST_CASE("heif: a picture that is painted into becomes a PNG with profile and EXIF") {
  const Image image = slope(64, 96);
  const std::string profile = "any profile at all";
  const Bytes file = heif_file(
      image, {.orientation = 6, .exif = exif_block(false, 6), .profile = {profile.begin(), profile.end()}});
  const PictureNotes notes = heif_notes(file, "a");
  CHECK(std::string(notes.profile.begin(), notes.profile.end()) == profile);
  CHECK(notes.exif == exif_block(false, 6));
  const EditablePicture picture(file, "a.heic");
  CHECK(picture.result_format() == PictureFormat::kPng);
  const Image mask(96, 64, 1);
  const Bytes png = picture.repainted(picture.image(), mask, PictureFormat::kPng);
  const StoredPicture back = decode_stored(png, "a.png");
  CHECK(back.colours == picture.image());
  CHECK(back.orientation == 1);
  CHECK(contains(std::string(png.begin(), png.end()), "iCCP"));
  CHECK(contains(error_message([&] { picture.repainted(picture.image(), mask, PictureFormat::kJpeg); }),
                 "a.heic: a HEIF does not become a JPEG; let the result be a PNG"));
}
