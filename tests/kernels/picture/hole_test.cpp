#include "kernels/picture/hole.h"

#include <algorithm>
#include <utility>

#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

struct Sizes {
  int64_t n, size, hole, c;
};
// Smallest picture, a hole as large as the picture, a hole of one pixel, channel counts, rows around vectors.
const Sizes kShapes[] = {{1, 1, 1, 1}, {1, 2, 1, 3},   {4, 8, 4, 3},  {5, 6, 6, 1},
                         {6, 7, 3, 5}, {5, 32, 16, 1}, {2, 17, 9, 64}};

struct Case {
  const Backend& backend;
  Sizes s;
  Shape picture, block;
  GuardedTensor images, offsets, masked, hidden;

  // The first holes lie in the four corners.
  Case(const Backend& b, const Sizes& sizes)
      : backend(b),
        s(sizes),
        picture{s.n, s.size, s.size, s.c},
        block{s.n, s.hole, s.hole, s.c},
        images(picture, b.of(DType::kU8),
               [](int64_t i) {  // every byte occurs in the larger shapes
                 return static_cast<double>((i * 7 + i / 256) % 256);
               }),
        offsets({s.n, 2}, b.of(DType::kI32),
                [&](int64_t i) {
                  const int64_t last = s.size - s.hole;
                  const std::pair<int64_t, int64_t> corners[] = {{0, last}, {last, 0}, {0, 0}, {last, last}};
                  const int64_t n = i / 2;
                  if (n < 4) return static_cast<double>(i % 2 == 0 ? corners[n].first : corners[n].second);
                  return static_cast<double>((3 * n + 2 * i) % (last + 1));
                }),
        masked(picture, b),
        hidden(block, b) {}

  Label label(const char* op) const {
    return {op, backend, fmt::format("n {} size {} hole {} c {}", s.n, s.size, s.hole, s.c)};
  }

  // Index in the block of element k of the pictures, -1 outside the hole.
  int64_t in_hole(int64_t k) const {
    const int64_t c = k % s.c, j = k / s.c % s.size, i = k / s.c / s.size % s.size,
                  n = k / s.c / s.size / s.size;
    const int64_t row = i - static_cast<int64_t>(offsets[2 * n]),
                  column = j - static_cast<int64_t>(offsets[2 * n + 1]);
    if (row < 0 || row >= s.hole || column < 0 || column >= s.hole) return -1;
    return ((n * s.hole + row) * s.hole + column) * s.c + c;
  }
};

}  // namespace

TEST_CASE("hole: cut gives the picture with a grey hole, and the hole's pixels") {
  for (const Backend& backend : activation_backends())
    for (const Sizes& sizes : kShapes) {
      const Case c(backend, sizes);
      cut_hole(*backend.context(), c.images, c.offsets, c.masked, c.hidden);
      // The quotient, rounded: no device may get another bit.
      GuardedTensor masked(c.picture, backend.dtype), hidden(c.block, backend.dtype);
      for (int64_t k = 0; k < c.images.elements(); ++k) {
        const double value = (c.images[k] - 127.5) / 127.5;
        const int64_t at = c.in_hole(k);
        if (at >= 0) hidden.set(at, value);
        masked.set(k, at >= 0 ? 0 : value);
      }
      check_exact(c.label("cut_hole"), "masked", c.masked, masked.values());
      check_exact(c.label("cut_hole"), "hidden", c.hidden, hidden.values());
    }
}

TEST_CASE("hole: black and white are exactly -1 and 1") {
  for (const Backend& backend : activation_backends()) {
    const GuardedTensor images({1, 2, 2, 1}, backend.of(DType::kU8),
                               [](int64_t i) { return i < 2 ? 0.0 : 255.0; });
    const GuardedTensor offsets({1, 2}, backend.of(DType::kI32), [](int64_t) { return 0.0; });
    GuardedTensor masked({1, 2, 2, 1}, backend), hidden({1, 2, 2, 1}, backend);
    cut_hole(*backend.context(), images, offsets, masked, hidden);
    check_exact({"cut_hole", backend, "[1, 2, 2, 1]"}, "hidden", hidden, {-1, -1, 1, 1});
    check_exact({"cut_hole", backend, "[1, 2, 2, 1]"}, "masked", masked, {0, 0, 0, 0});
  }
}

TEST_CASE("hole: paste fills the hole and nothing else, also in place") {
  for (const Backend& backend : activation_backends())
    for (const Sizes& sizes : kShapes) {
      Case c(backend, sizes);
      const GuardedTensor known = random_tensor(c.picture, backend, kSeed, 0);
      const GuardedTensor fake = random_tensor(c.block, backend, kSeed, 1);
      GuardedTensor inpainted(c.picture, backend);
      paste_hole(*backend.context(), known, fake, c.offsets, inpainted);
      std::vector<double> want;
      for (int64_t k = 0; k < known.elements(); ++k)
        want.push_back(c.in_hole(k) >= 0 ? fake[c.in_hole(k)] : known[k]);
      check_exact(c.label("paste_hole"), "inpainted", inpainted, want);
      paste_hole(*backend.context(), known, fake, c.offsets, known);
      check_exact(c.label("paste_hole"), "inpainted in place", known, want);
    }
}

TEST_CASE("hole: cut, then paste the hidden pixels, is the picture") {
  for (const Backend& backend : activation_backends())
    for (const Sizes& sizes : kShapes) {
      const Case c(backend, sizes);
      cut_hole(*backend.context(), c.images, c.offsets, c.masked, c.hidden);
      paste_hole(*backend.context(), c.masked, c.hidden, c.offsets, c.masked);
      std::vector<double> bytes;
      const GuardedTensor back(c.picture, DType::kU8,
                               [&](int64_t i) { return std::round(c.masked[i] * 127.5 + 127.5); });
      for (const double byte : c.images.values()) bytes.push_back(byte);
      check_exact(c.label("cut_hole and paste_hole"), "bytes", back, bytes);
    }
}

TEST_CASE("hole: same bits for any number of threads") {
  for (const Backend& backend : activation_backends())
    for (const Sizes& sizes : kShapes) {
      const Case c(backend, sizes);
      check_same_bits(c.label("hole"), [&](Context& ctx) {
        GuardedTensor masked(c.picture, backend), hidden(c.block, backend);
        GuardedTensor inpainted(c.picture, backend);
        cut_hole(ctx, c.images, c.offsets, masked, hidden);
        paste_hole(ctx, masked, hidden, c.offsets, inpainted);
        return outputs(masked, hidden, inpainted);
      });
    }
}

TEST_CASE("hole: a hole outside the picture is refused before anything is written") {
  const Backend backend = backends().front();
  const auto ctx = backend.context();
  for (const auto& [row, column] : {std::pair{-1, 0}, {0, -1}, {5, 0}, {0, 5}}) {
    Case c(backend, {2, 8, 4, 3});
    c.offsets.set(2, row);
    c.offsets.set(3, column);
    check_refused("cut_hole", "hole 1", [&] { cut_hole(*ctx, c.images, c.offsets, c.masked, c.hidden); });
    check_refused("paste_hole", "hole 1", [&] { paste_hole(*ctx, c.masked, c.hidden, c.offsets, c.masked); });
    CHECK(c.masked.same_bits(GuardedTensor(c.picture, backend)));
  }
}

TEST_CASE("hole: on a GPU, a hole outside the picture is moved to its border") {
  for (const Backend& backend : activation_backends()) {
    if (backend.device != Device::kCuda) continue;
    const std::pair<int, int> outside[] = {{-1, 2}, {3, -100}, {5, 5}, {1 << 30, -(1 << 30)}};
    Case moved(backend, {4, 8, 4, 3}), inside(backend, {4, 8, 4, 3});
    for (int64_t n = 0; n < 4; ++n) {
      const auto [row, column] = outside[n];
      moved.offsets.set(2 * n, row);
      moved.offsets.set(2 * n + 1, column);
      inside.offsets.set(2 * n, std::clamp(row, 0, 4));
      inside.offsets.set(2 * n + 1, std::clamp(column, 0, 4));
    }
    for (Case* c : {&moved, &inside}) {
      const auto ctx = backend.context();
      cut_hole(*ctx, c->images, c->offsets, c->masked, c->hidden);
      paste_hole(*ctx, c->masked, c->hidden, c->offsets, c->masked);
    }
    CHECK_MESSAGE(moved.hidden.same_bits(inside.hidden), describe(moved.label("cut_hole"), "hidden"));
    CHECK_MESSAGE(moved.masked.same_bits(inside.masked), describe(moved.label("paste_hole"), "masked"));
    check_guards(moved.label("paste_hole"), "masked", moved.masked);
  }
}

TEST_CASE("hole: wrong tensors are refused") {
  const Backend backend = backends().front();
  const auto ctx = backend.context();
  const Case c(backend, {2, 8, 4, 3});
  const GuardedTensor wrong({2, 8, 4, 3}, DType::kF32), wrong_type(c.picture, DType::kF64),
      long_offsets({3, 2}, DType::kI32);
  check_refused("cut_hole", "masked", [&] { cut_hole(*ctx, c.images, c.offsets, wrong, c.hidden); });
  check_refused("cut_hole", "masked", [&] { cut_hole(*ctx, c.images, c.offsets, wrong_type, c.hidden); });
  check_refused("cut_hole", "hidden", [&] { cut_hole(*ctx, c.images, c.offsets, c.masked, wrong); });
  check_refused("cut_hole", "offsets", [&] { cut_hole(*ctx, c.images, long_offsets, c.masked, c.hidden); });
  check_refused("paste_hole", "inpainted",
                [&] { paste_hole(*ctx, c.masked, c.hidden, c.offsets, wrong_type); });
  check_refused("paste_hole", "masked", [&] { paste_hole(*ctx, wrong_type, c.hidden, c.offsets, c.masked); });
}
