// Pictures that are painted into: what is written back is read again.
#include "core/image/editable_picture.h"

#include <algorithm>

#include "tests/fuzz/fuzz.h"

using namespace inpaint;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::accepted([&] {
    const EditablePicture file(std::vector<uint8_t>(data, data + size), "input");
    const Image& image = file.image();
    Image painted = image, mask(image.height, image.width, 1);
    for (size_t pixel = 0; pixel < mask.bytes.size(); pixel += 7) {
      mask.bytes[pixel] = 1;
      std::fill_n(painted.bytes.begin() + static_cast<std::ptrdiff_t>(pixel) * painted.channels,
                  painted.channels, uint8_t{77});
    }
    for (const PictureFormat format : {file.result_format(), PictureFormat::kPng}) {
      const EditablePicture again(file.repainted(painted, mask, format), "output");
      fuzz::expect(again.image().height == image.height && again.image().width == image.width,
                   "a painted picture keeps its size");
      if (format != PictureFormat::kJpeg)
        fuzz::expect(again.image() == painted, "all pixels come back as they were painted");
    }
  });
  return 0;
}
