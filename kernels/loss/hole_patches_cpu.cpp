// hole_patches on the CPU; contract in hole_patches.h. A field is read row by row until one is missing.
#include <algorithm>

#include "kernels/loss/hole_patches.h"

namespace inpaint::cpu {
namespace {

// The places of a field along one axis that lie in the picture.
struct Span {
  int64_t begin, end;
};

Span span_of(const PatchField& field, int64_t score, int64_t side) {
  const int64_t first = field.first + score * field.stride;
  return {std::clamp<int64_t>(first, 0, side), std::clamp<int64_t>(first + field.size, 0, side)};
}

bool touches(const uint8_t* mask, int64_t w, const Span& rows, const Span& columns) {
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    uint8_t any = 0;
    for (int64_t column = columns.begin; column < columns.end; ++column) any |= mask[row * w + column];
    if (any != 0) return true;
  }
  return false;
}

}  // namespace

void hole_patches(const Context& ctx, const PatchField& field, const Tensor& mask, const Tensor& weights) {
  constexpr int64_t kBlock = 64;  // scores
  const int64_t h = mask.shape[1], w = mask.shape[2], down = weights.shape[1], across = weights.shape[2];
  const uint8_t* const masks = mask.as<uint8_t>();
  visit_activation_type(weights.dtype, [&]<typename T>(T) {
    T* const to = weights.as<T>();
    ctx.parallel_blocks(weights.elements(), kBlock, [=](int64_t begin, int64_t end, int) {
      for (int64_t score = begin; score < end; ++score) {
        const int64_t picture = score / across / down;
        const Span rows = span_of(field, score / across % down, h),
                   columns = span_of(field, score % across, w);
        to[score] = static_cast<T>(touches(masks + picture * h * w, w, rows, columns) ? 1.0f : 0.0f);
      }
    });
  });
}

}  // namespace inpaint::cpu
