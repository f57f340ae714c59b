// cut_hole and paste_hole on the CPU; contract in hole.h. Memory-bound: one task per picture.
#include <algorithm>

#include "kernels/cpu/normalized_pixel_cpu.h"
#include "kernels/picture/hole.h"

namespace inpaint::cpu {
namespace {

struct Sizes {
  int64_t n, size, hole, c;
};

Sizes sizes_of(const Tensor& picture, const Tensor& block) {
  return {picture.shape[0], picture.shape[1], block.shape[1], picture.shape[3]};
}

void expect_holes_inside(const char* op, const Sizes& s, const int32_t* at) {
  for (int64_t i = 0; i < s.n; ++i)
    if (at[2 * i] < 0 || at[2 * i + 1] < 0 || at[2 * i] + s.hole > s.size || at[2 * i + 1] + s.hole > s.size)
      throw ShapeError(fmt::format("{}: hole {} at ({}, {}) of size {} leaves the picture of size {}", op, i,
                                   at[2 * i], at[2 * i + 1], s.hole, s.size));
}

// First value of row i of picture n's hole, in [N, S, S, C].
int64_t hole_row(const Sizes& s, const int32_t* offsets, int64_t n, int64_t i) {
  return ((n * s.size + offsets[2 * n] + i) * s.size + offsets[2 * n + 1]) * s.c;
}

}  // namespace

void cut_hole(const Context& ctx, const Tensor& images, const Tensor& offsets, const Tensor& masked,
              const Tensor& hidden) {
  const Sizes s = sizes_of(images, hidden);
  const uint8_t* bytes = images.as<uint8_t>();
  const int32_t* at = offsets.as<int32_t>();
  expect_holes_inside("cut_hole", s, at);
  const int64_t picture = s.size * s.size * s.c, row = s.hole * s.c;
  visit_activation_type(hidden.dtype, [&]<typename T>(T) {
    T *maskeds = masked.as<T>(), *hiddens = hidden.as<T>();
    ctx.parallel(s.n, [&](int64_t n, int) {
      normalize(picture, bytes + n * picture, maskeds + n * picture);
      for (int64_t i = 0; i < s.hole; ++i) {
        T* from = maskeds + hole_row(s, at, n, i);
        std::copy_n(from, row, hiddens + (n * s.hole + i) * row);
        std::fill_n(from, row, T(0.0f));
      }
    });
  });
}

void paste_hole(const Context& ctx, const Tensor& masked, const Tensor& fake, const Tensor& offsets,
                const Tensor& inpainted) {
  const Sizes s = sizes_of(masked, fake);
  const int32_t* at = offsets.as<int32_t>();
  expect_holes_inside("paste_hole", s, at);
  const int64_t picture = s.size * s.size * s.c, row = s.hole * s.c;
  visit_activation_type(fake.dtype, [&]<typename T>(T) {
    const T *maskeds = masked.as<T>(), *fakes = fake.as<T>();
    T* inpainteds = inpainted.as<T>();
    ctx.parallel(s.n, [&](int64_t n, int) {
      if (inpainteds != maskeds) std::copy_n(maskeds + n * picture, picture, inpainteds + n * picture);
      for (int64_t i = 0; i < s.hole; ++i)
        std::copy_n(fakes + (n * s.hole + i) * row, row, inpainteds + hole_row(s, at, n, i));
    });
  });
}

}  // namespace inpaint::cpu
