// The short side of a picture, from its head. The first two bytes say how much of the rest is the head.
#include <algorithm>
#include <optional>

#include "core/image/image_codec.h"
#include "tests/fuzz/fuzz.h"

using namespace inpaint;

namespace {

std::optional<int64_t> side_of(std::string_view file) {
  const auto path = fuzz::put_input(file);
  int64_t side = 0;
  if (!fuzz::accepted([&] { side = picture_short_side(path); })) return std::nullopt;
  fuzz::expect(side >= 0, "a side is a number of pixels");
  return side;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view file = fuzz::text_of(data + 2, size - 2);
  const auto whole = side_of(file);
  const auto head = side_of(file.substr(0, static_cast<size_t>(data[0] | data[1] << 8)));
  if (whole && head) fuzz::expect(*whole == *head, "a head tells the truth or nothing");
  std::optional<int64_t> decoded;
  fuzz::accepted([&] {
    const Image image = decode_image(std::span(data + 2, size - 2), "input");
    decoded = std::min(image.height, image.width);
  });
  if (decoded) fuzz::expect(decoded == whole, "the head tells the side of the picture");
  return 0;
}
