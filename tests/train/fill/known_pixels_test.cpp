#include "train/fill/known_pixels.h"

#include <doctest/doctest.h>

#include <vector>

using namespace inpaint;

TEST_CASE("known pixels: every byte in [-1, 1], and mid grey where it is missing") {
  // All 256 bytes as pixels of two channels; every third pixel is missing.
  std::vector<uint8_t> bytes(512), mask(256);
  for (size_t i = 0; i < 256; ++i) {
    bytes[2 * i] = static_cast<uint8_t>(i);
    bytes[2 * i + 1] = static_cast<uint8_t>(255 - i);
    mask[i] = i % 3 == 0 ? 1 : 0;
  }
  for (const int threads : {1, 2}) {
    std::vector<float> values(512, 7.0f);
    const Batch batch{{{2, 8, 16, 2}, DType::kU8, Device::kCpu, bytes.data()},
                      {{{2, 8, 16}, DType::kU8, Device::kCpu, mask.data()}, {}}};
    show_known_pixels(Context(threads), batch, {{2, 8, 16, 2}, DType::kF32, Device::kCpu, values.data()});
    for (size_t i = 0; i < 512; ++i)
      CHECK(values[i] == (mask[i / 2] != 0 ? 0.0f : (static_cast<float>(bytes[i]) - 127.5f) / 127.5f));
  }
}
