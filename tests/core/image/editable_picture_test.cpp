#include "core/image/editable_picture.h"

#include <doctest/doctest.h>

#include <cstdio>  // for jpeglib.h
//
#include <jpeglib.h>
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "core/base/pixel_box.h"
#include "core/image/exif_orientation.h"
#include "core/image/jpeg_repaint.h"
#include "core/image/picture_notes.h"
#include "tests/core/image/exif_block.h"
#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;

namespace {

constexpr PixelBox kHole{21, 34, 13, 22};

Image waves(int64_t height, int64_t width, int channels) {
  Image image(height, width, channels);
  for (int64_t row = 0; row < height; ++row)
    for (int64_t column = 0; column < width; ++column)
      for (int c = 0; c < channels; ++c)
        image.pixel(row, column)[c] = static_cast<uint8_t>((5 * row + 3 * column * (c + 1) + 40 * c) % 251);
  return image;
}

Image hole_mask(const Image& image) {
  Image mask(image.height, image.width, 1);
  for (int64_t row = kHole.top; row < kHole.bottom(); ++row)
    std::fill_n(mask.pixel(row, kHole.left), kHole.width, uint8_t{1});
  return mask;
}

Image repainted_in(Image image, uint8_t value) {
  for (int64_t row = kHole.top; row < kHole.bottom(); ++row)
    std::fill_n(image.pixel(row, kHole.left), kHole.width * image.channels, value);
  return image;
}

void put_bytes(const std::filesystem::path& path, const std::vector<uint8_t>& bytes) {
  put_file(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

bool holds(const std::vector<uint8_t>& file, const std::string& text) {
  return std::search(file.begin(), file.end(), text.begin(), text.end()) != file.end();
}

void put_number(std::vector<uint8_t>& to, uint64_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<uint8_t>(value >> shift));
}

// A chunk as it stands in a file.
std::vector<uint8_t> chunk(const std::string& type, const std::vector<uint8_t>& data) {
  std::vector<uint8_t> body(type.begin(), type.end()), bytes;
  body.insert(body.end(), data.begin(), data.end());
  put_number(bytes, data.size());
  bytes.insert(bytes.end(), body.begin(), body.end());
  put_number(bytes, ::crc32(0, body.data(), static_cast<unsigned>(body.size())));
  return bytes;
}

std::vector<uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

struct JpegOptions {
  int quality = 90, sampling = 2, orientation = 1;
  bool progressive = false, scan_each = false;  // scan_each: a scan for each of three components
  J_COLOR_SPACE colours = JCS_YCbCr;
};

const std::string kProfile = std::string(200, 'p') + "a colour profile";

std::vector<uint8_t> make_jpeg(const Image& image, const JpegOptions& options) {
  jpeg_compress_struct e = {};
  jpeg_error_mgr errors = {};
  e.err = jpeg_std_error(&errors);
  jpeg_create_compress(&e);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&e, &bytes, &size);
  e.image_width = static_cast<JDIMENSION>(image.width);
  e.image_height = static_cast<JDIMENSION>(image.height);
  const bool four = options.colours == JCS_CMYK;
  e.input_components = four ? 4 : image.channels;
  e.in_color_space = four ? JCS_CMYK : image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&e);
  if (image.channels == 3 && !four) jpeg_set_colorspace(&e, options.colours);
  jpeg_set_quality(&e, options.quality, TRUE);
  if (e.num_components == 3 && options.colours == JCS_YCbCr)
    e.comp_info[0].h_samp_factor = e.comp_info[0].v_samp_factor = options.sampling;
  if (options.progressive) jpeg_simple_progression(&e);
  const jpeg_scan_info scans[3] = {{1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
  if (options.scan_each) e.scan_info = scans, e.num_scans = 3;
  jpeg_start_compress(&e, TRUE);
  std::vector<uint8_t> exif = {'E', 'x', 'i', 'f', 0, 0};
  const std::vector<uint8_t> block = exif_block(true, options.orientation);
  exif.insert(exif.end(), block.begin(), block.end());
  jpeg_write_marker(&e, JPEG_APP0 + 1, exif.data(), static_cast<unsigned>(exif.size()));
  jpeg_write_icc_profile(&e, reinterpret_cast<const JOCTET*>(kProfile.data()),
                         static_cast<unsigned>(kProfile.size()));
  jpeg_write_marker(&e, JPEG_APP0 + 2, reinterpret_cast<const JOCTET*>("MPF\0second"), 10);
  jpeg_write_marker(&e, JPEG_COM, reinterpret_cast<const JOCTET*>("a comment"), 9);
  std::vector<uint8_t> four_row(static_cast<size_t>(image.width) * 4, 128);
  while (e.next_scanline < e.image_height) {
    JSAMPROW row = four ? four_row.data() : const_cast<JSAMPROW>(image.pixel(e.next_scanline, 0));
    jpeg_write_scanlines(&e, &row, 1);
  }
  jpeg_finish_compress(&e);
  jpeg_destroy_compress(&e);
  std::vector<uint8_t> file(bytes, bytes + size);
  std::free(bytes);
  return file;
}

// The largest difference of a byte, over the pixels that `counts` names.
template <typename F>
int largest_difference(const Image& a, const Image& b, F&& counts) {
  int largest = 0;
  for (int64_t row = 0; row < a.height; ++row)
    for (int64_t column = 0; column < a.width; ++column)
      for (int c = 0; c < a.channels && counts(row, column); ++c)
        largest = std::max(largest, std::abs(a.pixel(row, column)[c] - b.pixel(row, column)[c]));
  return largest;
}

bool in_hole(int64_t row, int64_t column, int64_t margin = 0) {
  return row >= kHole.top - margin && row < kHole.bottom() + margin && column >= kHole.left - margin &&
         column < kHole.right() + margin;
}

}  // namespace

TEST_CASE("editable picture: a PNG keeps its known pixels, alpha, turn and notes") {
  const TemporaryFolder folder;
  const Image stored = waves(50, 70, 3);
  Image alpha(50, 70, 1);
  for (size_t i = 0; i < alpha.bytes.size(); ++i) alpha.bytes[i] = static_cast<uint8_t>(i % 256);
  std::vector<uint8_t> chunks = chunk("tEXt", bytes_of(std::string("Author\0me", 9)));
  for (const auto& more : {chunk("iCCP", bytes_of("any profile")), chunk("eXIf", exif_block(false, 6)),
                           chunk("bKGD", {0, 1, 0, 1, 0, 1})})
    chunks.insert(chunks.end(), more.begin(), more.end());
  put_bytes(folder / "a.png", encode_png(stored, alpha, chunks));

  const EditablePicture file(folder / "a.png");
  CHECK(file.format() == PictureFormat::kPng);
  REQUIRE(file.image() == upright(stored, 6));
  REQUIRE(file.alpha() == upright(alpha, 6));
  const Image painted = repainted_in(file.image(), 9), mask = hole_mask(file.image());
  const std::vector<uint8_t> result = file.repainted(painted, mask, PictureFormat::kPng);
  CHECK(holds(result, std::string("Author\0me", 9)));
  CHECK(holds(result, "any profile"));
  CHECK_FALSE(holds(result, "bKGD"));
  CHECK_FALSE(holds(result, kThumbnail));

  put_bytes(folder / "b.png", result);
  const EditablePicture again(folder / "b.png");  // checks the checksums, too
  CHECK(again.image() == painted);
  Image opaque = file.alpha();
  for (size_t i = 0; i < opaque.bytes.size(); ++i)
    if (mask.bytes[i] != 0) opaque.bytes[i] = 255;
  CHECK(again.alpha() == opaque);
}

TEST_CASE("editable picture: what a PNG says with a wrong checksum counts neither before nor afterwards") {
  std::vector<uint8_t> turned = chunk("eXIf", exif_block(true, 6));
  turned.back() ^= 1;
  const EditablePicture file(encode_png(waves(50, 70, 3), {}, turned), "a.png");
  REQUIRE(file.image().height == 50);
  const std::vector<uint8_t> result =
      file.repainted(file.image(), hole_mask(file.image()), PictureFormat::kPng);
  CHECK(decode_image(result, "b.png") == file.image());
  CHECK_FALSE(holds(result, "eXIf"));
}

TEST_CASE("editable picture: PGM and PPM keep their format") {
  const TemporaryFolder folder;
  for (const int channels : {1, 3}) {
    const Image image = waves(50, 70, channels);
    put_bytes(folder / "a.pnm", encode_pnm(image));
    const EditablePicture file(folder / "a.pnm");
    CHECK(file.image() == image);
    CHECK(file.alpha().height == 0);
    const Image painted = repainted_in(image, 200);
    put_bytes(folder / "b.pnm", file.repainted(painted, hole_mask(image), PictureFormat::kPnm));
    CHECK(decode_image(folder / "b.pnm") == painted);
    put_bytes(folder / "b.png", file.repainted(painted, hole_mask(image), PictureFormat::kPng));
    CHECK(decode_image(folder / "b.png") == painted);
  }
}

TEST_CASE("editable picture: a JPEG changes only where the hole is") {
  const TemporaryFolder folder;
  for (const JpegOptions& options :
       {JpegOptions{}, JpegOptions{.quality = 70, .sampling = 1}, JpegOptions{.progressive = true},
        JpegOptions{.colours = JCS_RGB}, JpegOptions{.orientation = 6}}) {
    CAPTURE(options.sampling);
    CAPTURE(options.orientation);
    const Image stored = waves(83, 75, 3);
    put_bytes(folder / "a.jpg", make_jpeg(stored, options));
    const EditablePicture file(folder / "a.jpg");
    const Image painted = repainted_in(file.image(), 60), mask = hole_mask(file.image());
    const std::vector<uint8_t> result = file.repainted(painted, mask, PictureFormat::kJpeg);
    put_bytes(folder / "b.jpg", result);
    const Image now = decode_image(folder / "b.jpg");
    const auto far = [](int64_t row, int64_t column) { return !in_hole(row, column, 17); };
    const auto inside = [](int64_t row, int64_t column) { return in_hole(row, column, -4); };
    CHECK(largest_difference(now, file.image(), far) == 0);
    CHECK(largest_difference(now, painted, inside) < 40);
    CHECK(largest_difference(now, file.image(), inside) > 60);

    CHECK(decode_stored(result, "b.jpg").orientation == options.orientation);
    CHECK(holds(result, kProfile));
    CHECK(holds(result, "a comment"));
    CHECK_FALSE(holds(result, kThumbnail));
    CHECK_FALSE(holds(result, std::string("MPF\0", 4)));
  }
}

TEST_CASE("editable picture: nothing painted leaves every coefficient of a JPEG") {
  Image image(64, 80, 1);  // so rough that no block comes back as it was when it is coded anew
  for (size_t i = 0; i < image.bytes.size(); ++i)
    image.bytes[i] = i * 2654435761u % 65536 < 32768 ? uint8_t{0} : uint8_t{255};
  const std::vector<uint8_t> file = make_jpeg(image, {.quality = 40});
  const Image before = decode_image(file, "a");
  CHECK(decode_image(repaint_jpeg(file, "a", before, Image(64, 80, 1)), "b") == before);
  // Units of 8 x 8 pixels: the two with a missing pixel, and none between them, are made anew.
  Image mask(64, 80, 1), painted = before;
  *mask.pixel(20, 33) = *mask.pixel(50, 70) = 1;
  const auto touched = [](int64_t row, int64_t column) {
    return (row / 8 == 2 && column / 8 == 4) || (row / 8 == 6 && column / 8 == 8);
  };
  for (int64_t row = 0; row < 64; ++row)
    for (int64_t column = 0; column < 80; ++column)
      if (touched(row, column)) *painted.pixel(row, column) = 90;
  const Image after = decode_image(repaint_jpeg(file, "a", painted, mask), "b");
  CHECK(largest_difference(after, before, [&](int64_t r, int64_t c) { return !touched(r, c); }) == 0);
  CHECK(largest_difference(after, painted, touched) < 4);
}

TEST_CASE("editable picture: a JPEG as a PNG keeps every known byte, upright") {
  const TemporaryFolder folder;
  put_bytes(folder / "a.jpg", make_jpeg(waves(83, 75, 3), {.orientation = 8}));
  const EditablePicture file(folder / "a.jpg");
  const Image painted = repainted_in(file.image(), 60);
  const std::vector<uint8_t> result = file.repainted(painted, hole_mask(file.image()), PictureFormat::kPng);
  CHECK(decode_image(result, "b.png") == painted);
  CHECK(decode_stored(result, "b.png").orientation == 1);
  CHECK(holds(result, "iCCP"));
  CHECK(holds(result, "eXIf"));
  CHECK(jpeg_notes(make_jpeg(waves(20, 20, 1), {}), "a").profile == bytes_of(kProfile));
}

TEST_CASE("editable picture: a damaged EXIF block that turns a picture does not turn the result once more") {
  std::vector<uint8_t> jpeg = make_jpeg(waves(83, 75, 3), {.orientation = 8});
  const std::string mark("II*\0\x08\0\0\0", 8);
  const auto tiff = std::search(jpeg.begin(), jpeg.end(), mark.begin(), mark.end());
  REQUIRE(tiff != jpeg.end());
  tiff[9] = 81;  // a directory of 20,000 entries and more
  REQUIRE(decode_stored(jpeg, "a.jpg").orientation == 8);
  const EditablePicture file(jpeg, "a.jpg");
  const Image painted = repainted_in(file.image(), 60);
  const std::vector<uint8_t> result = file.repainted(painted, hole_mask(file.image()), PictureFormat::kPng);
  CHECK(decode_image(result, "b.png") == painted);
  CHECK_FALSE(holds(result, "eXIf"));
}

TEST_CASE("editable picture: what cannot be kept is refused") {
  const TemporaryFolder folder;
  put_bytes(folder / "a.png", encode_png(waves(50, 70, 3)));
  const EditablePicture png(folder / "a.png");
  CHECK(contains(
      error_message([&] { png.repainted(png.image(), hole_mask(png.image()), PictureFormat::kJpeg); }),
      "a PNG does not become a JPEG"));
  put_bytes(folder / "a.jpg", make_jpeg(waves(83, 75, 3), {.colours = JCS_CMYK}));
  const EditablePicture ink(folder / "a.jpg");
  CHECK(contains(
      error_message([&] { ink.repainted(ink.image(), hole_mask(ink.image()), PictureFormat::kJpeg); }),
      "a JPEG of four colours"));
  std::vector<uint8_t> zero = make_jpeg(waves(83, 75, 3), {});
  const uint8_t table[] = {0xff, 0xdb};
  *(std::search(zero.begin(), zero.end(), table, table + 2) + 20) = 0;  // a step of the first table
  const EditablePicture unwritable(std::move(zero), "zero.jpg");
  CHECK(contains(error_message([&] {
                   unwritable.repainted(unwritable.image(), hole_mask(unwritable.image()),
                                        PictureFormat::kJpeg);
                 }),
                 "zero.jpg: a JPEG that can be read but not written again"));
  // A component that no scan holds may name a table that cannot be: decoders never look at it.
  std::vector<uint8_t> missing = make_jpeg(waves(83, 75, 3), {.scan_each = true});
  const uint8_t scan[] = {0xff, 0xda}, frame[] = {0xff, 0xc0};
  missing.erase(std::find_end(missing.begin(), missing.end(), scan, scan + 2), missing.end() - 2);
  const auto frame_at = std::search(missing.begin(), missing.end(), frame, frame + 2);
  for (const uint8_t table_number : {4, 126, 255}) {
    frame_at[18] = table_number;
    const EditablePicture two_thirds(missing, "missing.jpg");
    CHECK(contains(error_message([&] {
                     two_thirds.repainted(two_thirds.image(), hole_mask(two_thirds.image()),
                                          PictureFormat::kJpeg);
                   }),
                   "missing.jpg: a JPEG that can be read but not written again"));
  }
  put_file(folder / "b.jpg", "\xff\xd8\xff and no more");
  CHECK(contains(error_message([&] { EditablePicture(folder / "b.jpg"); }), "b.jpg"));
}
