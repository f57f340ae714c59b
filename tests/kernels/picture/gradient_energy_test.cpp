#include "kernels/picture/gradient_energy.h"

#include "core/base/philox.h"
#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

// Bytes come in, doubles go out: one backend for each device and alignment.
std::vector<Backend> byte_backends() {
  std::vector<Backend> all = backends();
  std::erase_if(all, [](const Backend& backend) { return backend.dtype != DType::kF64; });
  return all;
}

// Random pictures, of which one pixel in three is missing, or all are.
struct Case {
  Case(const Backend& backend_, const Shape& shape_, bool all_missing)
      : backend(backend_),
        shape(shape_),
        a(shape, backend.of(DType::kU8), [&](int64_t i) { return random(i, 256); }),
        mask({shape[0], shape[1], shape[2]}, backend.of(DType::kU8),
             [&](int64_t i) {
               return all_missing || random(i + 7, 3) == 0 ? 1 + static_cast<double>(i % 255) : 0;
             }),
        energy({shape[0]}, backend.of(DType::kF64)) {}

  static double random(int64_t i, uint32_t bound) {
    return Philox(3, RandomStream::kProceduralPictures).below(bound, static_cast<uint64_t>(i));
  }
  Label label() const { return {"gradient_energy", backend, to_string(shape)}; }

  // The sum of the header, one difference at a time.
  double reference(int64_t n) const {
    const auto at = [&](int64_t i, int64_t j, int64_t c) {
      return a[((n * shape[1] + i) * shape[2] + j) * shape[3] + c];
    };
    double sum = 0;
    for (int64_t c = 0; c < shape[3]; ++c)
      for (int64_t i = 0; i < shape[1]; ++i)
        for (int64_t j = 0; j < shape[2]; ++j) {
          if (mask[(n * shape[1] + i) * shape[2] + j] == 0) continue;
          if (i + 1 < shape[1]) sum += std::pow(at(i + 1, j, c) - at(i, j, c), 2);
          if (j + 1 < shape[2]) sum += std::pow(at(i, j + 1, c) - at(i, j, c), 2);
        }
    return sum;
  }

  const Backend& backend;
  Shape shape;
  GuardedTensor a, mask, energy;
};

// One pixel; one row, one column; more pixels than a block has threads.
const Shape kShapes[] = {{1, 1, 1, 1},   {2, 1, 9, 3},   {3, 8, 1, 1},
                         {5, 16, 16, 3}, {2, 23, 40, 5}, {1, 64, 64, 1}};

}  // namespace

TEST_CASE("gradient energy: matches the formula") {
  for (const Backend& backend : byte_backends())
    for (const Shape& shape : kShapes)
      for (const bool all_missing : {false, true}) {
        const Case c(backend, shape, all_missing);
        gradient_energy(*backend.context(), c.a, c.mask, c.energy);
        std::vector<double> want;
        for (int64_t n = 0; n < shape[0]; ++n) want.push_back(c.reference(n));
        check_exact(c.label(), "energy", c.energy, want);
      }
}

TEST_CASE("gradient energy: the step out of the hole counts, the step into it does not") {
  for (const Backend& backend : byte_backends()) {
    // A row of 0, 10, 30, 30 whose second pixel is missing: (30 - 10)^2.
    const double row[] = {0, 10, 30, 30}, missing[] = {0, 1, 0, 0};
    const GuardedTensor a({1, 1, 4, 1}, backend.of(DType::kU8), [&](int64_t i) { return row[i]; }),
        mask({1, 1, 4}, backend.of(DType::kU8), [&](int64_t i) { return missing[i]; }),
        energy({1}, backend.of(DType::kF64));
    gradient_energy(*backend.context(), a, mask, energy);
    CHECK(energy[0] == 400.0);
  }
}

TEST_CASE("gradient energy: same bits for any number of threads") {
  for (const Backend& backend : byte_backends())
    for (const Shape& shape : kShapes)
      check_same_bits(Case(backend, shape, false).label(), [&](Context& ctx) {
        Case c(backend, shape, false);
        gradient_energy(ctx, c.a, c.mask, c.energy);
        return outputs(c.energy);
      });
}

TEST_CASE("gradient energy: shapes and types that do not fit are refused") {
  const Backend backend = byte_backends().front();
  const auto ctx = backend.context();
  const Case c(backend, {2, 8, 8, 1}, false), other(backend, {1, 8, 8, 1}, false);
  const GuardedTensor floats(c.shape, DType::kF32);
  check_refused("gradient_energy", "expected", [&] { gradient_energy(*ctx, floats, c.mask, c.energy); });
  check_refused("gradient_energy", "mask", [&] { gradient_energy(*ctx, c.a, other.mask, c.energy); });
  check_refused("gradient_energy", "energy", [&] { gradient_energy(*ctx, c.a, c.mask, other.energy); });
}
