// gradient_energy on the CPU; contract in gradient_energy.h. One task per picture.
#include "kernels/picture/gradient_energy.h"

namespace inpaint::cpu {

void gradient_energy(const Context& ctx, const Tensor& a, const Tensor& mask, const Tensor& energy) {
  const int64_t height = a.shape[1], width = a.shape[2], channels = a.shape[3], row = width * channels;
  ctx.parallel(a.shape[0], [&](int64_t n, int) {
    const uint8_t* missing = mask.as<uint8_t>() + n * height * width;
    const uint8_t* pixel = a.as<uint8_t>() + n * height * row;
    int64_t sum = 0;
    for (int64_t i = 0; i < height; ++i)
      for (int64_t j = 0; j < width; ++j, ++missing, pixel += channels) {
        if (*missing == 0) continue;
        for (int64_t c = 0; c < channels; ++c) {
          const int32_t down = i + 1 < height ? pixel[row + c] - pixel[c] : 0;
          const int32_t right = j + 1 < width ? pixel[channels + c] - pixel[c] : 0;
          sum += down * down + right * right;
        }
      }
    energy.as<double>()[n] = static_cast<double>(sum);
  });
}

}  // namespace inpaint::cpu
