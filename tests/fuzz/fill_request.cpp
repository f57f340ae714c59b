// Requests to fill a picture: a line with the Content-Type, and behind it the body.
#include "train/serve/fill_request.h"

#include "tests/fuzz/fuzz.h"
#include "train/holes/picture_mask.h"

using namespace inpaint;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int64_t kMaxPixels = 4096;
  const std::span<const uint8_t> input(data, size);
  const std::string_view type = fuzz::text_of(data, size).substr(0, fuzz::text_of(data, size).find('\n'));
  fuzz::accepted([&] {
    const auto form = parse_form(input.subspan(std::min(size, type.size() + 1)), form_boundary(type));
    for (const FormPart& part : form)
      fuzz::expect(part.bytes.empty() || (part.bytes.data() >= data && &part.bytes.back() < data + size),
                   "a part lies in the body");
    const FillRequest request = read_fill_request(form, kMaxPixels, Finish::kPatches);
    const Image &image = request.picture.image(), &mask = request.mask;
    fuzz::expect(image.height * image.width <= kMaxPixels, "the picture is as small as it has to be");
    fuzz::expect(mask.height == image.height && mask.width == image.width && mask.channels == 1,
                 "a pixel of the mask for each of the picture");
    const int64_t missing = missing_pixels(mask);
    fuzz::expect(missing > 0 && missing < mask.height * mask.width, "something is missing, something known");
    fuzz::expect(!request.picture.repainted(image, mask, request.format).empty(), "there is a result");
  });
  return 0;
}
