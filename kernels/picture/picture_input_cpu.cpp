// normalize_pictures and append_mask on the CPU; contract in picture_input.h. Memory-bound: every input read
// once, every output written once.
#include <type_traits>

#include "kernels/cpu/normalized_pixel_cpu.h"
#include "kernels/picture/picture_input.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kBlock = 1 << 14;

// C is int64_t or, for the usual number, a constant.
template <typename T, typename C>
void append(C c, int64_t begin, int64_t end, const ArithmeticOf<T>* filled, const uint8_t* mask, T* x) {
  for (int64_t pixel = begin; pixel < end; ++pixel) {
    for (int64_t k = 0; k < c; ++k) x[pixel * (c + 1) + k] = static_cast<T>(filled[pixel * c + k]);
    x[pixel * (c + 1) + c] = static_cast<T>(mask[pixel] != 0 ? 1.0f : 0.0f);
  }
}

}  // namespace

void normalize_pictures(const Context& ctx, const Tensor& images, const Tensor& pictures) {
  visit_real(pictures.dtype, [&]<typename T>(T) {
    const uint8_t* bytes = images.as<uint8_t>();
    T* values = pictures.as<T>();
    ctx.parallel_blocks(images.elements(), kBlock, [=](int64_t begin, int64_t end, int) {
      normalize(end - begin, bytes + begin, values + begin);
    });
  });
}

void append_mask(const Context& ctx, const Tensor& filled, const Tensor& mask, const Tensor& x) {
  const int64_t c = filled.shape[3];
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    const auto* values = filled.as<ArithmeticOf<T>>();
    const uint8_t* masks = mask.as<uint8_t>();
    T* xs = x.as<T>();
    ctx.parallel_blocks(mask.elements(), kBlock, [=](int64_t begin, int64_t end, int) {
      if (c == 3)
        append(std::integral_constant<int64_t, 3>{}, begin, end, values, masks, xs);
      else
        append(c, begin, end, values, masks, xs);
    });
  });
}

}  // namespace inpaint::cpu
