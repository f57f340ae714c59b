#include "kernels/picture/picture_input.h"

#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

// Single pixels, channel counts, packs that end in a pixel, several blocks, several turns of a GPU's blocks.
const Shape kShapes[] = {{1, 1, 1, 1}, {1, 1, 1, 3},  {2, 3, 5, 3},   {3, 4, 4, 1},     {2, 5, 7, 2},
                         {1, 3, 3, 8}, {1, 2, 3, 64}, {2, 16, 16, 3}, {1, 150, 150, 3}, {2, 130, 130, 1}};

Shape mask_shape(const Shape& s) { return {s[0], s[1], s[2]}; }
Shape input_shape(const Shape& s) { return {s[0], s[1], s[2], s[3] + 1}; }

// Missing pixels hold 1 or another number that is not 0.
GuardedTensor mask_of(const Shape& s, const Backend& backend) {
  return {mask_shape(s), backend.of(DType::kU8), [](int64_t i) {
            return i % 3 == 0 ? 1.0 : i % 5 == 0 ? 255.0 : 0.0;
          }};
}

}  // namespace

TEST_CASE("picture_input: a byte's number is the quotient, rounded, and black and white are -1 and 1") {
  for (const Backend& backend : backends())
    for (const Shape& shape : kShapes) {
      const GuardedTensor images(shape, backend.of(DType::kU8),
                                 [](int64_t i) { return static_cast<double>((i * 255 + i / 256) % 256); });
      const GuardedTensor pictures(shape, backend);
      normalize_pictures(*backend.context(), images, pictures);
      const GuardedTensor want(shape, backend, [&](int64_t i) { return (images[i] - 127.5) / 127.5; });
      const Label label{"normalize_pictures", backend, to_string(shape)};
      check_exact(label, "pictures", pictures, want.values());
      check_guards(label, "images", images);
      CHECK(pictures[0] == -1);
      if (pictures.elements() > 1) CHECK(pictures[1] == 1);
    }
}

TEST_CASE("picture_input: the mask is the last channel, 0 or 1, and the filled pixels come before it") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes) {
      const GuardedTensor filled = random_tensor(shape, backend.parameters(), kSeed, 0);
      const GuardedTensor mask = mask_of(shape, backend), x(input_shape(shape), backend);
      append_mask(*backend.context(), filled, mask, x);
      const int64_t c = shape[3];
      const GuardedTensor want(input_shape(shape), backend, [&](int64_t i) {
        const int64_t pixel = i / (c + 1), channel = i % (c + 1);
        return channel < c ? filled[pixel * c + channel] : mask[pixel] != 0 ? 1.0 : 0.0;
      });
      check_exact({"append_mask", backend, to_string(shape)}, "x", x, want.values());
    }
}

TEST_CASE("picture_input: same bits for any number of threads") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes) {
      const GuardedTensor filled = random_tensor(shape, backend.parameters(), kSeed, 0);
      const GuardedTensor mask = mask_of(shape, backend);
      check_same_bits({"append_mask", backend, to_string(shape)}, [&](Context& ctx) {
        GuardedTensor x(input_shape(shape), backend);
        append_mask(ctx, filled, mask, x);
        return outputs(x);
      });
    }
}

TEST_CASE("picture_input: wrong tensors are refused") {
  const Backend backend = backends().front();
  const auto ctx = backend.context();
  const GuardedTensor filled({2, 4, 4, 3}, DType::kF32), f64({2, 4, 4, 3}, DType::kF64);
  const GuardedTensor mask({2, 4, 4}, DType::kU8), images({2, 4, 4, 3}, DType::kU8);
  const GuardedTensor x({2, 4, 4, 4}, DType::kBF16), flat({16, 4}, DType::kF32);
  check_refused("normalize_pictures", "images", [&] { normalize_pictures(*ctx, filled, filled); });
  check_refused("normalize_pictures", "pictures", [&] { normalize_pictures(*ctx, images, x); });
  check_refused("append_mask", "filled", [&] { append_mask(*ctx, flat, mask, x); });
  check_refused("append_mask", "filled", [&] { append_mask(*ctx, f64, mask, x); });
  check_refused("append_mask", "mask", [&] { append_mask(*ctx, filled, images, x); });
  check_refused("append_mask", "x", [&] { append_mask(*ctx, filled, mask, filled); });
}
