#include "kernels/fill/harmonic_fill.h"

#include <Eigen/SparseCholesky>
#include <cmath>
#include <functional>
#include <limits>

#include "core/base/philox.h"
#ifdef INPAINT_CUDA_EXECUTOR
#include "tests/cuda_executor/executor.h"
#endif
#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

// The op takes value by value: alignment is nothing to it.
std::vector<Backend> fill_backends() {
  std::vector<Backend> all = backends();
  std::erase_if(all, [](const Backend& backend) { return backend.aligned; });
  return all;
}

// Whether pixel (i, j) of picture n is missing, and the value of a known pixel.
using Missing = std::function<bool(int64_t n, int64_t i, int64_t j)>;
using Value = std::function<double(int64_t n, int64_t i, int64_t j, int64_t c)>;

double random_number(int64_t i, uint32_t part) {
  return Philox(kSeed, RandomStream::kProceduralPictures, part).uniform(static_cast<uint64_t>(i));
}

double texture(int64_t n, int64_t i, int64_t j, int64_t c) {
  return std::sin(static_cast<double>(1 + n * 71 + i * 13 + j * 29 + c * 5));
}

struct Hole {
  const char* name;
  Shape shape;
  Missing missing;
};

bool inside(int64_t i, int64_t j, int64_t top, int64_t left, int64_t h, int64_t w) {
  return i >= top && i < top + h && j >= left && j < left + w;
}

Missing square(int64_t top, int64_t left, int64_t side) {
  return [=](int64_t, int64_t i, int64_t j) { return inside(i, j, top, left, side, side); };
}

Missing noise(double share) {
  return [=](int64_t n, int64_t i, int64_t j) { return random_number((n * 1000 + i) * 1000 + j, 7) < share; };
}

// Forms that are hard for one part of the method or another.
std::vector<Hole> holes() {
  return {
      {"one pixel", {2, 3, 5, 3}, square(1, 3, 1)},
      {"a picture of one row", {1, 1, 17, 2}, [](int64_t, int64_t, int64_t j) { return j != 3; }},
      {"a picture of one column", {1, 23, 1, 1}, [](int64_t, int64_t i, int64_t) { return i > 0; }},
      {"another hole in each picture",
       {3, 11, 14, 2},
       [](int64_t n, int64_t i, int64_t j) { return n != 1 && inside(i, j, n, 2 * n + 1, 9 - 2 * n, 7); }},
      {"each side on the border",
       {1, 12, 16, 1},
       [](int64_t, int64_t i, int64_t j) { return i == 0 || j == 0 || i == 11 || j == 15; }},
      {"a corner", {1, 20, 18, 3}, square(0, 0, 13)},
      {"another corner, odd", {1, 19, 17, 1}, [](int64_t, int64_t i, int64_t j) { return i > 5 && j > 3; }},
      {"a strip between two sides",
       {1, 13, 10, 1},
       [](int64_t, int64_t i, int64_t) { return i > 2 && i < 9; }},
      {"checkerboard", {1, 12, 13, 1}, [](int64_t, int64_t i, int64_t j) { return (i + j) % 2 == 1; }},
      {"two holes and a wall of one pixel",
       {1, 16, 21, 1},
       [](int64_t, int64_t i, int64_t j) { return inside(i, j, 2, 1, 12, 19) && j != 10; }},
      {"a ring around an island",
       {1, 21, 22, 1},
       [](int64_t, int64_t i, int64_t j) { return inside(i, j, 3, 3, 15, 16) && !inside(i, j, 8, 9, 3, 4); }},
      {"comb",
       {1, 24, 20, 1},
       [](int64_t, int64_t i, int64_t j) { return i % 2 == 0 || (i % 4 == 1 ? j == 0 : j == 19); }},
      {"a known pixel alone",
       {1, 25, 31, 1},
       [](int64_t, int64_t i, int64_t j) { return i != 9 || j != 20; }},
      {"a known corner alone", {1, 32, 32, 1}, [](int64_t, int64_t i, int64_t j) { return i + j > 0; }},
      {"a lattice of known pixels",
       {1, 32, 30, 1},
       [](int64_t, int64_t i, int64_t j) { return i % 5 != 2 || j % 5 != 3; }},
      {"a third missing", {2, 23, 26, 1}, noise(0.33)},
      {"nine tenths missing", {2, 26, 21, 2}, noise(0.9)},
      {"nearly all missing", {1, 40, 37, 1}, noise(0.99)},
      {"a square", {1, 40, 44, 1}, square(5, 7, 31)},
  };
}

// A batch with NaN in the holes.
struct Case {
  const Backend& backend;
  std::string name;
  Shape shape;
  GuardedTensor mask, pictures, before;

  Case(const Backend& backend_, const Hole& hole, const Value& value = texture)
      : backend(backend_),
        name(hole.name),
        shape(hole.shape),
        mask({shape[0], shape[1], shape[2]}, backend.of(DType::kU8),
             [&](int64_t i) {
               const bool missing =
                   hole.missing(i / shape[2] / shape[1], i / shape[2] % shape[1], i % shape[2]);
               return missing ? 1 + 254.0 * (i % 2) : 0;
             }),
        pictures(filled(value)),
        before(filled(value)) {}

  GuardedTensor filled(const Value& value) const {
    return {shape, backend, [&](int64_t i) {
              const int64_t c = i % shape[3], j = i / shape[3] % shape[2], row = i / shape[3] / shape[2];
              if (mask[i / shape[3]] != 0) return std::numeric_limits<double>::quiet_NaN();
              return value(row / shape[1], row % shape[1], j, c);
            }};
  }
  Label label() const { return {"harmonic_fill, " + name, backend, to_string(shape)}; }

  void run(Context& ctx) const {
    prepare_workspace(ctx, harmonic_fill_workspace_bytes(ctx, shape, backend.dtype));
    harmonic_fill(ctx, mask, pictures);
  }
};

// The header's equations as they stand, one per missing pixel, solved by a sparse factorisation.
struct Reference {
  std::vector<double> values;  // of all pixels of one channel
  double lowest = 2, highest = -2;

  Reference(const Case& c, int64_t n, int64_t channel)
      : values(static_cast<size_t>(c.shape[1] * c.shape[2])) {
    const int64_t rows = c.shape[1], columns = c.shape[2], pixels = rows * columns;
    std::vector<int64_t> number(values.size(), -1);
    int64_t count = 0;
    for (int64_t p = 0; p < pixels; ++p) {
      if (c.mask[n * pixels + p] != 0)
        number[at(p)] = count++;
      else
        values[at(p)] = c.before[(n * pixels + p) * c.shape[3] + channel];
    }
    if (count == 0 || count == pixels) return;
    std::vector<Eigen::Triplet<double>> entries;
    Eigen::VectorXd right = Eigen::VectorXd::Zero(count);
    for (int64_t p = 0; p < pixels; ++p) {
      if (number[at(p)] < 0) continue;
      double degree = 0;
      const auto visit = [&](bool exists, int64_t q) {
        if (!exists) return;
        ++degree;
        if (number[at(q)] >= 0) {
          entries.emplace_back(number[at(p)], number[at(q)], -1.0);
          return;
        }
        right[number[at(p)]] += values[at(q)];
        lowest = std::fmin(lowest, values[at(q)]);
        highest = std::fmax(highest, values[at(q)]);
      };
      visit(p >= columns, p - columns);
      visit(p + columns < pixels, p + columns);
      visit(p % columns > 0, p - 1);
      visit(p % columns + 1 < columns, p + 1);
      entries.emplace_back(number[at(p)], number[at(p)], degree);
    }
    Eigen::SparseMatrix<double> matrix(count, count);
    matrix.setFromTriplets(entries.begin(), entries.end());
    const Eigen::VectorXd solution = Eigen::SimplicialLDLT<Eigen::SparseMatrix<double>>(matrix).solve(right);
    for (int64_t p = 0; p < pixels; ++p)
      if (number[at(p)] >= 0) values[at(p)] = solution[number[at(p)]];
  }

  static size_t at(int64_t p) { return static_cast<size_t>(p); }
};

// The contract: known pixels as they were, missing ones within the error and within the range of those that
// touch the hole.
void check(const Case& c) {
  const double bound = harmonic_fill_error(c.backend.dtype) + c.backend.unit_roundoff();
  const int64_t pixels = c.shape[1] * c.shape[2], channels = c.shape[3];
  std::vector<Wanted> want(static_cast<size_t>(c.shape.elements()));
  bool in_range = true;
  for (int64_t n = 0; n < c.shape[0]; ++n)
    for (int64_t channel = 0; channel < channels; ++channel) {
      const Reference reference(c, n, channel);
      for (int64_t p = 0; p < pixels; ++p) {
        const int64_t i = (n * pixels + p) * channels + channel;
        const bool missing = c.mask[n * pixels + p] != 0;
        want[static_cast<size_t>(i)] = {reference.values[static_cast<size_t>(p)], missing ? bound : 0};
        if (missing && reference.lowest <= reference.highest)
          in_range = in_range && c.pictures[i] >= reference.lowest && c.pictures[i] <= reference.highest;
      }
    }
  check_within(c.label(), "pictures", c.pictures, want);
  CHECK_MESSAGE(in_range, describe(c.label(), "pictures"), ": beyond the known pixels around the hole");
  check_guards(c.label(), "mask", c.mask);
}

}  // namespace

TEST_CASE("harmonic fill: a direct solution of the equations, for holes of many forms") {
  for (const Backend& backend : fill_backends())
    for (const Hole& hole : holes()) {
      const Case c(backend, hole);
      c.run(*backend.context());
      check(c);
    }
}

TEST_CASE("harmonic fill: large holes") {
  const Hole large[] = {
      {"a square", {1, 256, 256, 1}, square(64, 100, 128)},
      {"all but the left column", {1, 255, 256, 1}, [](int64_t, int64_t, int64_t j) { return j > 0; }},
      {"a known corner alone", {1, 300, 200, 1}, [](int64_t, int64_t i, int64_t j) { return i + j > 0; }},
      {"sparse known pixels", {1, 256, 250, 1}, noise(0.999)},
      {"walls with doors",
       {1, 256, 256, 1},
       [](int64_t, int64_t i, int64_t j) { return i % 16 != 0 || j % 64 == 7; }},
  };
  for (const Backend& backend : cpu_backends())
    for (const Hole& hole : large) {
      const Case c(backend, hole);
      c.run(*backend.context());
      check(c);
    }
  for (const Backend& backend : fill_backends()) {
    if (backend.device == Device::kCpu) continue;
    const Case c(backend, {"a square", {1, 110, 131, 1}, square(4, 9, 100)});
    c.run(*backend.context());
    check(c);
  }
}

#ifdef INPAINT_CUDA_EXECUTOR
TEST_CASE("harmonic fill: on a GPU few steps suffice" * doctest::skip(!executor::kCountsTraffic)) {
  struct WideHole {
    Hole hole;
    int64_t
        most_written;  // values for each pixel, a quarter more than now; wrong coarse grids take more steps
  };
  const WideHole wide[] = {
      {{"a square", {1, 64, 64, 1}, square(5, 7, 48)}, 85},
      {{"a known pixel alone",
        {1, 48, 48, 1},
        [](int64_t, int64_t i, int64_t j) { return i != 9 || j != 20; }},
       138},
      {{"walls with doors",
        {1, 48, 48, 1},
        [](int64_t, int64_t i, int64_t j) { return i % 16 != 0 || j == 7; }},
       151},
  };
  for (const Backend& backend : fill_backends()) {
    if (backend.device == Device::kCpu || backend.dtype != DType::kF32) continue;
    for (const WideHole& one : wide) {
      const Case c(backend, one.hole);
      const auto ctx = backend.context();
      executor::set_traffic_count(true);
      c.run(*ctx);
      ctx->synchronize();
      const std::vector<executor::Traffic> kernels = executor::take_traffic();
      executor::set_traffic_count(false);
      REQUIRE(kernels.size() == 1);
      const int64_t written = kernels[0].writes.of_threads / c.shape.elements();
      CHECK_MESSAGE(written <= one.most_written, describe(c.label(), "values written for a pixel: "),
                    written);
    }
  }
}
#endif

TEST_CASE("harmonic fill: a slope is continued, a reflecting border flattens it") {
  const Value slope = [](int64_t, int64_t i, int64_t j, int64_t c) {
    return (static_cast<double>(i) * (c == 0 ? 1 : -2) + 3 * static_cast<double>(j)) / 128 - 0.25;
  };
  const Value rows_only = [](int64_t, int64_t i, int64_t, int64_t) { return static_cast<double>(i) / 16; };
  for (const Backend& backend : fill_backends()) {
    const double bound = harmonic_fill_error(backend.dtype) + 2 * backend.unit_roundoff();
    const auto check_values = [&](const Case& c, const Value& value) {
      c.run(*backend.context());
      std::vector<Wanted> want;
      for (int64_t i = 0; i < c.shape.elements(); ++i)
        want.push_back(
            {value(0, i / c.shape[3] / c.shape[2], i / c.shape[3] % c.shape[2], i % c.shape[3]), bound});
      check_within(c.label(), "pictures", c.pictures, want);
    };
    check_values(Case(backend, {"slope", {1, 20, 22, 2}, square(5, 7, 9)}, slope), slope);
    // Known above and below only: linear from one to the other.
    check_values(
        Case(backend, {"strip", {1, 9, 7, 1}, [](int64_t, int64_t i, int64_t) { return i > 0 && i < 8; }},
             rows_only),
        rows_only);
    // A constant comes out to the bit.
    const Value constant = [](int64_t, int64_t, int64_t, int64_t) { return 0.3; };
    const Case c(backend, {"constant", {1, 30, 17, 1}, noise(0.8)}, constant);
    c.run(*backend.context());
    check_exact(c.label(), "pictures", c.pictures,
                std::vector<double>(30 * 17, backend.dtype == DType::kF32 ? double{0.3f} : 0.3));
  }
}

TEST_CASE("harmonic fill: all missing is grey, none missing stays") {
  for (const Backend& backend : fill_backends()) {
    const Case all(backend, {"all", {2, 6, 5, 2}, [](int64_t, int64_t, int64_t) { return true; }});
    all.run(*backend.context());
    check_exact(all.label(), "pictures", all.pictures, std::vector<double>(120, 0.0));
    const Case none(backend, {"none", {2, 6, 5, 2}, [](int64_t, int64_t, int64_t) { return false; }});
    none.run(*backend.context());
    CHECK(none.pictures.same_bits(none.before));
    for (const Shape& shape : {Shape{0, 6, 5, 2}, Shape{2, 0, 5, 2}, Shape{2, 6, 5, 0}}) {
      const Case empty(backend, {"no picture", shape, square(1, 1, 2)});
      empty.run(*backend.context());
      check_guards(empty.label(), "pictures", empty.pictures);
    }
  }
}

TEST_CASE("harmonic fill: same bits for any number of threads, and whatever pictures are beside") {
  const Hole four{"four pictures", {4, 10, 13, 2}, [](int64_t n, int64_t i, int64_t j) {
                    return n == 3 ? noise(0.7)(n, i, j) : inside(i, j, n, 2 * n, 7, 5 + n);
                  }};
  for (const Backend& backend : fill_backends()) {
    check_same_bits({"harmonic_fill", backend, to_string(four.shape)}, [&](Context& ctx) {
      Case c(backend, four);
      c.run(ctx);
      return outputs(c.pictures);
    });
    const Case together(backend, four);
    together.run(*backend.context());
    const int64_t values = together.pictures.elements() / 4;
    for (int64_t n = 0; n < 4; ++n) {
      const Hole one{
          "alone", {1, 10, 13, 2}, [&](int64_t, int64_t i, int64_t j) { return four.missing(n, i, j); }};
      const Case alone(backend, one,
                       [&](int64_t, int64_t i, int64_t j, int64_t c) { return texture(n, i, j, c); });
      alone.run(*backend.context());
      for (int64_t i = 0; i < values; ++i) REQUIRE(alone.pictures[i] == together.pictures[n * values + i]);
    }
  }
}

TEST_CASE("harmonic fill: input that is not finite ends too") {
  for (const Backend& backend : fill_backends()) {
    const Case c(backend, {"NaN", {1, 9, 9, 1}, square(2, 2, 5)}, [](int64_t, int64_t i, int64_t, int64_t) {
      return i == 1 ? std::numeric_limits<double>::quiet_NaN() : 0.5;
    });
    c.run(*backend.context());
    check_guards(c.label(), "pictures", c.pictures);
  }
}

TEST_CASE("harmonic fill: wrong tensors are refused") {
  Context ctx(1);
  const GuardedTensor mask({2, 4, 5}, DType::kU8), other({2, 5, 4}, DType::kU8),
      bytes({2, 4, 5, 3}, DType::kU8), pictures({2, 4, 5, 3}, DType::kF32), flat({2, 4, 5}, DType::kF32);
  check_refused("harmonic_fill", "mask", [&] { harmonic_fill(ctx, other, pictures); });
  check_refused("harmonic_fill", "pictures", [&] { harmonic_fill(ctx, mask, bytes); });
  check_refused("harmonic_fill", "pictures", [&] { harmonic_fill(ctx, mask, flat); });
}
