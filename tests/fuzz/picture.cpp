// Pictures: PNG, JPEG, PGM, PPM and WebP.
#include "core/image/image_codec.h"
#include "tests/fuzz/fuzz.h"

using namespace inpaint;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::accepted([&] {
    const Image image = decode_image(std::span(data, size), "input");
    fuzz::expect(image.height >= 1 && image.width >= 1 && (image.channels == 1 || image.channels == 3) &&
                     image.bytes.size() == static_cast<size_t>(image.height * image.width * image.channels),
                 "a picture has all of its bytes");
  });
  return 0;
}
