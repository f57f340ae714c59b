#include "train/serve/fill_request.h"

#include <doctest/doctest.h>

#include "core/image/image_codec.h"
#include "tests/harness/error_message.h"
#include "tests/harness/http_client.h"
#include "train/serve/request_fault.h"
#ifdef INPAINT_WEBP
#include "tests/harness/webp_writing.h"
#endif

using namespace inpaint;

namespace {

std::string text_of(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

std::string picture(int64_t height, int64_t width, int channels = 3) {
  Image image(height, width, channels);
  for (size_t k = 0; k < image.bytes.size(); ++k) image.bytes[k] = static_cast<uint8_t>(k * 7);
  return text_of(encode_png(image));
}

// White in the top row.
std::string mask(int64_t height, int64_t width, uint8_t other = 0) {
  Image image(height, width, 1);
  std::fill(image.bytes.begin(), image.bytes.end(), other);
  std::fill_n(image.bytes.begin(), width, uint8_t{255});
  return text_of(encode_png(image));
}

FillRequest request(const std::vector<FormField>& fields, int64_t max_pixels = 1000) {
  const std::string body = form_body(fields);
  const auto parts = parse_form({reinterpret_cast<const uint8_t*>(body.data()), body.size()}, "abc");
  return read_fill_request(parts, max_pixels, Finish::kPatches);
}

// Status and message.
std::string refusal(const std::vector<FormField>& fields, int64_t max_pixels = 1000) {
  try {
    request(fields, max_pixels);
  } catch (const RequestFault& fault) {
    return fmt::format("{} {}", fault.status(), fault.what());
  }
  return "none";
}

}  // namespace

TEST_CASE("fill request: a mask, its polarity, boxes, transparency") {
  const FillRequest masked = request({{"image", picture(3, 5)}, {"mask", mask(3, 5)}});
  CHECK(masked.picture.image().height == 3);
  CHECK(masked.mask.bytes == std::vector<uint8_t>{1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  CHECK(masked.finish == Finish::kPatches);
  CHECK(masked.format == PictureFormat::kPng);

  const FillRequest black =
      request({{"mask_value", "black"}, {"mask", mask(3, 5)}, {"finish", "none"}, {"image", picture(3, 5)}});
  CHECK(black.mask.bytes == std::vector<uint8_t>{0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  CHECK(black.finish == Finish::kNone);

  const FillRequest boxes =
      request({{"image", picture(2, 4)}, {"box", "0,0,1,1"}, {"box", "2,1,2,1"}, {"finish", "patches"}});
  CHECK(boxes.mask.bytes == std::vector<uint8_t>{1, 0, 0, 0, 0, 0, 1, 1});

  Image colours(1, 2, 3), alpha(1, 2, 1);
  alpha.bytes = {255, 100};
  CHECK(request({{"image", text_of(encode_png(colours, alpha))}}).mask.bytes == std::vector<uint8_t>{0, 1});
}

TEST_CASE("fill request: the format of the result") {
  const std::string grey = "P5\n2 1\n255\nab";
  CHECK(request({{"image", grey}, {"box", "0,0,1,1"}}).format == PictureFormat::kPnm);
  CHECK(request({{"image", grey}, {"box", "0,0,1,1"}, {"format", "own"}}).format == PictureFormat::kPnm);
  CHECK(request({{"image", grey}, {"box", "0,0,1,1"}, {"format", "png"}}).format == PictureFormat::kPng);
}

TEST_CASE("fill request: every fault has its status and says what is wrong") {
  const FormField image{"image", picture(3, 5)};
  CHECK(refusal({}).starts_with("400 image: no picture"));
  CHECK(refusal({image}).starts_with("400 nothing is marked"));
  CHECK(refusal({image, image}) == "400 image: given twice");
  CHECK(refusal({image, {"mask", mask(3, 5)}, {"mask", mask(3, 5)}}) == "400 mask: given twice");
  CHECK(refusal({image, {"mask", mask(3, 5)}, {"box", "0,0,1,1"}}).starts_with("400 mask and box"));
  CHECK(refusal({image, {"mask_value", "black"}, {"box", "0,0,1,1"}}).starts_with("400 mask_value"));
  CHECK(refusal({image, {"mask_value", "red"}, {"mask", mask(3, 5)}}).starts_with("400 mask_value: red"));
  CHECK(refusal({image, {"finish", "\x01"}}).starts_with("400 finish: \\x01"));
  CHECK(refusal({image, {"format", "gif"}}).starts_with("400 format: gif"));
  CHECK(refusal({image, {"path", "/etc/passwd"}}).starts_with("400 unknown field path"));
  for (const char* box :
       {"", "1,2,3", "1,2,3,4,5", "a,0,1,1", "-1,0,1,1", "0,0,0,1", "0,0,1,99999999999999999999"})
    CHECK_MESSAGE(refusal({image, {"box", box}}).starts_with("400 box: "), box);
  CHECK(contains(refusal({image, {"box", "4,0,2,1"}}), "400 the box 4,0,2,1 does not lie inside"));
  CHECK(contains(refusal({image, {"mask", mask(5, 3)}}), "400 mask: a mask of 3 x 5 pixels"));
  CHECK(contains(refusal({image, {"mask", mask(3, 5, 128)}}), "400 mask: not a mask of black and white"));
  CHECK(contains(refusal({image, {"mask", mask(3, 5, 255)}}), "400 the whole picture is marked"));
  CHECK(contains(refusal({image, {"mask", picture(3, 5)}, {"mask_value", "white"}}), "400 mask: "));
  CHECK(contains(refusal({image, {"mask", text_of(encode_png(Image(3, 5, 1)))}}),
                 "400 there is nothing to fill"));

  CHECK(refusal({{"image", "hello"}, {"box", "0,0,1,1"}}).starts_with("415 image: not a PNG"));
  CHECK(refusal({{"image", "GIF89a"}, {"box", "0,0,1,1"}}).starts_with("415 image: a GIF"));
  CHECK(refusal({{"image", ""}, {"box", "0,0,1,1"}}).starts_with("415 image: the file is empty"));
  CHECK(refusal({image, {"mask", "8BPS"}}).starts_with("415 mask: a Photoshop"));
  CHECK(refusal({{"image", picture(3, 5).substr(0, 60)}, {"box", "0,0,1,1"}})
            .starts_with("400 image: damaged"));
  CHECK(refusal({{"image", picture(3, 5).substr(0, 20)}, {"box", "0,0,1,1"}})
            .starts_with("400 image: damaged"));
}

#ifdef INPAINT_WEBP
TEST_CASE("fill request: a WebP is answered with a PNG") {
  const std::string webp = text_of(webp_file(Image(3, 5, 3)));
  CHECK(request({{"image", webp}, {"box", "0,0,1,1"}}).format == PictureFormat::kPng);
  CHECK(request({{"image", webp}, {"box", "0,0,1,1"}}).picture.format() == PictureFormat::kWebp);
  CHECK(refusal({{"image", webp}, {"box", "0,0,1,1"}}, 14).starts_with("413 image: 5 x 3 pixels"));
}
#endif

TEST_CASE("fill request: too many pixels are refused before they are decoded") {
  const FormField image{"image", picture(10, 10)};
  CHECK(refusal({image, {"box", "0,0,1,1"}}, 100) == "none");
  CHECK(refusal({image, {"box", "0,0,1,1"}}, 99).starts_with("413 image: 10 x 10 pixels"));
  CHECK(refusal({image, {"mask", mask(11, 10)}}, 100).starts_with("413 mask: 10 x 11 pixels"));
  std::string bomb = picture(3, 5);
  bomb.replace(16, 8, std::string("\x7f\xff\xff\xff\x7f\xff\xff\xff"));  // sides of 2^31 - 1
  CHECK(refusal({{"image", bomb}, {"box", "0,0,1,1"}}, int64_t{64'000'000})
            .starts_with("413 image: 2147483647"));
}
