#include "train/fill/known_pixels.h"

namespace inpaint {

void show_known_pixels(const Context& ctx, const Batch& batch, const Tensor& pictures) {
  const Shape& s = batch.pictures.shape;
  expect_shape("show_known_pixels mask", batch.holes.mask, {s[0], s[1], s[2]}, DType::kU8);
  expect_shape("show_known_pixels pictures", pictures, s, DType::kF32);
  const int64_t pixels = s[1] * s[2], channels = s[3];
  ctx.parallel(s[0], [&](int64_t n, int) {
    const uint8_t* missing = batch.holes.mask.as<uint8_t>() + n * pixels;
    const uint8_t* byte = batch.pictures.as<uint8_t>() + n * pixels * channels;
    float* value = pictures.as<float>() + n * pixels * channels;
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
      for (int64_t c = 0; c < channels; ++c, ++byte, ++value)
        *value = missing[pixel] != 0 ? 0 : (static_cast<float>(*byte) - 127.5f) / 127.5f;
  });
}

}  // namespace inpaint
