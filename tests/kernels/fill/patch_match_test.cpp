#include "kernels/fill/patch_match.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "tests/harness/op_check.h"
#include "tests/kernels/fill/patch_match_reference.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

// The op has f32 only.
std::vector<Backend> f32_backends() {
  std::vector<Backend> all;
  for (const Backend& backend : backends())
    if (backend.dtype == DType::kF32) all.push_back(backend);
  return all;
}

GuardedTensor tensor_of(const Pictures& p, const Backend& backend) {
  return {{p.n, p.height, p.width, p.channels}, backend, [&](int64_t k) {
            return p.values[static_cast<size_t>(k)];
          }};
}

GuardedTensor mask_of(const Pictures& p, const Backend& backend) {
  return {{p.n, p.height, p.width}, backend.of(DType::kU8), [&](int64_t k) {
            return 255.0 * p.missing[static_cast<size_t>(k)];
          }};
}

GuardedTensor filled(Context& ctx, const Backend& backend, const Pictures& p,
                     const PatchMatchOptions& options) {
  GuardedTensor pictures = tensor_of(p, backend);
  prepare_workspace(ctx, patch_match_workspace_bytes(ctx, options, {p.n, p.height, p.width, p.channels}));
  patch_match(ctx, options, mask_of(p, backend), pictures);
  return pictures;
}

GuardedTensor filled(const Backend& backend, const Pictures& p, const PatchMatchOptions& options) {
  return filled(*backend.context(), backend, p, options);
}

Pictures random_pictures(int64_t n, int64_t height, int64_t width, int64_t channels) {
  Pictures p(n, height, width, channels);
  const Philox random(kSeed, RandomStream::kPatchMatch);
  p.paint([&, k = uint64_t{0}](int64_t, int64_t, int64_t, int64_t) mutable {
    return static_cast<float>(2 * random.uniform(k++) - 1);
  });
  return p;
}

std::vector<Wanted> within(const std::vector<double>& values, double bound) {
  std::vector<Wanted> all;
  for (const double value : values) all.push_back({value, bound});
  return all;
}

}  // namespace

TEST_CASE("patch match: one source: the rounds of the contract") {
  for (const Backend& backend : f32_backends())
    for (const int64_t channels : {1, 3})
      for (const auto& [sharpness, guide_colour] : {std::pair{0.0f, 0.0f}, {2.0f, 0.0f}, {3.5f, 0.6f}}) {
        Pictures p = random_pictures(1, 11, 12, channels);
        for (size_t k = 0; k < p.missing.size(); ++k) {
          const auto row = static_cast<int64_t>(k) / p.width, column = static_cast<int64_t>(k) % p.width;
          p.missing[k] = row < 3 || row > 7 || column < 4 || column > 8;
        }
        const PatchMatchOptions options{.fine_guide_weight = 0.4f,
                                        .levels = 1,
                                        .coarsest_rounds = 3,
                                        .sweeps = 12,
                                        .sharpness = sharpness,
                                        .guide_colour = guide_colour};
        const GuardedTensor got = filled(backend, p, options);
        check_within({"patch_match", backend, p.shape()}, "pictures", got,
                     within(Reference(p, options).values(), 1e-4));
      }
}

TEST_CASE("patch match: many sweeps find the nearest sources") {
  for (const Backend& backend : f32_backends())
    for (const int64_t patch : {3, 5}) {
      Pictures p = random_pictures(1, 10, 11, 3);
      p.cut(0, {4, 5, 3, 4},
            [&](int64_t row, int64_t column, int64_t c) { return p.value(0, row, column, c); });
      const PatchMatchOptions options{
          .patch = patch, .levels = 1, .coarsest_rounds = 1, .sweeps = 300, .sharpness = 0};
      const GuardedTensor got = filled(backend, p, options);
      check_within({"patch_match", backend, fmt::format("{} patch {}", p.shape(), patch)}, "pictures", got,
                   within(Reference(p, options).values(), 1e-4));
    }
}

TEST_CASE("patch match: a periodic texture is restored") {
  for (const Backend& backend : f32_backends())
    for (const int levels : {1, 2})
      for (const int64_t channels : {1, 3, 4}) {
        Pictures p(1, 28, 32, channels);
        const int64_t period = 2 * levels;
        p.paint([&](int64_t, int64_t row, int64_t column, int64_t c) {
          return 0.8 * static_cast<double>((row % period * 3 + column % period * 5 + c) % 7) / 7 - 0.4;
        });
        const std::vector<double> whole = p.values;
        p.cut(0, {10, 11, 8, 9}, [](int64_t, int64_t, int64_t) { return 0; });
        const PatchMatchOptions options{.box = {10, 11, 8, 9}, .levels = levels};
        check_within({"patch_match", backend, fmt::format("{} levels {}", p.shape(), levels)}, "pictures",
                     filled(backend, p, options), within(whole, 1e-3));
      }
}

TEST_CASE("patch match: a coarse level's matches lead the fine one") {
  // Noise, twice side by side. Level 0 is searched too little to find the other copy by itself.
  for (const Backend& backend : f32_backends()) {
    const Pictures noise = random_pictures(1, 32, 32, 3);
    Pictures p(1, 32, 64, 3);
    p.paint(
        [&](int64_t, int64_t row, int64_t column, int64_t c) { return noise.value(0, row, column % 32, c); });
    const std::vector<double> whole = p.values;
    const PixelBox box{11, 10, 10, 11};
    p.cut(0, box, [](int64_t, int64_t, int64_t) { return 0.0; });
    const PatchMatchOptions options{
        .box = box, .levels = 2, .coarsest_rounds = 6, .fine_rounds = 2, .sweeps = 3};
    check_within({"patch_match", backend, p.shape()}, "pictures", filled(backend, p, options),
                 within(whole, 1e-3));
    PatchMatchOptions alone = options;
    alone.levels = 1;
    alone.coarsest_rounds = 2;
    const GuardedTensor got = filled(backend, p, alone);
    double worst = 0;
    for (int64_t k = 0; k < got.elements(); ++k)
      worst = std::max(worst, std::abs(got[k] - whole[static_cast<size_t>(k)]));
    CHECK(worst > 0.1);
  }
}

TEST_CASE("patch match: levels end where the hole is as wide as a patch, or the part as four") {
  const Backend backend = f32_backends().front();
  const auto with = [&](int64_t size, const PixelBox& box, int levels) {
    Pictures p = random_pictures(1, size, size, 1);
    p.cut(0, box, [](int64_t, int64_t, int64_t) { return 0.0; });
    const PatchMatchOptions options{
        .box = box, .levels = levels, .coarsest_rounds = 1, .middle_rounds = 1, .fine_rounds = 1};
    return filled(backend, p, options);
  };
  for (const auto& [size, box, levels] : {std::tuple{90, PixelBox{30, 32, 21, 30}, 3},
                                          {60, PixelBox{12, 20, 30, 20}, 2},
                                          {60, PixelBox{12, 20, 8, 30}, 1}})
    for (int other = 1; other <= 4; ++other)
      CHECK(with(size, box, 0).same_bits(with(size, box, other)) == (other == levels));
}

TEST_CASE("patch match: an edge goes on, also where the hole lies at the border") {
  for (const Backend& backend : f32_backends())
    for (const PixelBox& box : {PixelBox{9, 8, 6, 9}, PixelBox{0, 9, 6, 7}, PixelBox{18, 8, 6, 8}}) {
      Pictures p(1, 24, 26, 1);
      p.paint([](int64_t, int64_t, int64_t column, int64_t) { return column < 12 ? -0.5 : 0.7; });
      const std::vector<double> whole = p.values;
      p.cut(0, box, [](int64_t, int64_t column, int64_t) { return static_cast<double>(column - 12) / 10; });
      const PatchMatchOptions options{.box = box, .levels = 1};
      check_within({"patch_match", backend, fmt::format("{} hole at {}", p.shape(), box.top)}, "pictures",
                   filled(backend, p, options), within(whole, 0.02));
    }
}

TEST_CASE("patch match: the guide decides between two textures") {
  for (const Backend& backend : f32_backends())
    for (const double side : {-1, 1}) {
      Pictures p(1, 28, 40, 3);
      const auto texture = [](double middle, int64_t row, int64_t column) {
        return middle + ((row + column) % 2 == 0 ? 0.2 : -0.2);
      };
      p.paint([&](int64_t, int64_t row, int64_t column, int64_t) {
        return texture(column < 20 ? -0.5 : 0.5, row, column);
      });
      const PixelBox box{10, 16, 8, 8};
      p.cut(0, box, [&](int64_t, int64_t, int64_t) { return side * 0.5; });
      const PatchMatchOptions options{
          .box = box, .fine_guide_weight = 0.3f, .levels = 1, .coarsest_rounds = 4};
      const GuardedTensor got = filled(backend, p, options);
      double sum = 0, roughness = 0;
      for (int64_t row = 12; row < 16; ++row)
        for (int64_t column = 18; column < 22; ++column) {
          const auto at = static_cast<int64_t>(p.at(0, row, column)) * 3;
          sum += got[at] / 16;
          roughness += std::abs(got[at] - side * 0.5) / 16;
        }
      CHECK(sum == doctest::Approx(side * 0.5).epsilon(0.1));
      CHECK(roughness == doctest::Approx(0.2).epsilon(0.2));
    }
}

TEST_CASE("patch match: known pixels and those outside of the box stay as they are") {
  for (const Backend& backend : f32_backends()) {
    Pictures p = random_pictures(2, 17, 90, 3);
    for (const int64_t i : {0, 1}) p.cut(i, {5, 80, 6, 7}, [](int64_t, int64_t, int64_t) { return 0.25; });
    p.cut(1, {0, 0, 2, 2}, [](int64_t, int64_t, int64_t) { return 0.75; });
    p.cut(0, {12, 85, 2, 2}, [](int64_t, int64_t, int64_t) { return 0.75; });
    const PatchMatchOptions options{.box = {5, 80, 6, 7}, .coarsest_rounds = 2};
    const GuardedTensor got = filled(backend, p, options);
    check_guards({"patch_match", backend, p.shape()}, "pictures", got);
    int64_t changed = 0, kept = 0;
    for (int64_t k = 0; k < got.elements(); ++k) {
      const int64_t row = k / 3 / p.width % p.height, column = k / 3 % p.width;
      const bool inside = row >= 5 && row < 11 && column >= 80 && column < 87;
      (got[k] == p.values[static_cast<size_t>(k)] ? kept : changed) += 1;
      if (!inside) CHECK(got[k] == p.values[static_cast<size_t>(k)]);
    }
    CHECK(changed == 2 * 6 * 7 * 3);
    CHECK(kept == got.elements() - changed);
  }
}

TEST_CASE("patch match: without sources, or without missing pixels, nothing changes") {
  const auto check = [](const Backend& backend, const Pictures& p, const PatchMatchOptions& options) {
    check_exact({"patch_match", backend, p.shape()}, "pictures", filled(backend, p, options), p.values);
  };
  for (const Backend& backend : f32_backends()) {
    const Pictures known = random_pictures(1, 20, 20, 3);
    check(backend, known, {});
    Pictures missing = known;
    std::fill(missing.missing.begin(), missing.missing.end(), 1);
    check(backend, missing, {});
    Pictures grid = known;  // no patch of 5 pixels without a missing one
    for (size_t k = 0; k < grid.missing.size(); ++k) grid.missing[k] = k % 20 % 4 == 1;
    check(backend, grid, {});
    Pictures narrow = random_pictures(1, 4, 30, 3);
    narrow.missing[50] = 1;
    check(backend, narrow, {});
  }
}

TEST_CASE("patch match: same bits for any number of threads, and on every device") {
  std::vector<GuardedTensor> want;
  for (const Backend& backend : f32_backends())
    for (const int64_t channels : {1, 3}) {
      Pictures p = random_pictures(2, 22, 24, channels);
      p.cut(0, {7, 8, 8, 9}, [](int64_t, int64_t, int64_t c) { return 0.1 * static_cast<double>(c); });
      p.cut(1, {0, 3, 9, 6}, [](int64_t row, int64_t, int64_t) { return 0.02 * static_cast<double>(row); });
      const PatchMatchOptions options{.levels = 2, .coarsest_rounds = 2, .fine_rounds = 2, .seed = 7};
      const auto run = [&](Context& ctx) { return outputs(filled(ctx, backend, p, options)); };
      check_same_bits({"patch_match", backend, p.shape()}, run);
      GuardedTensor got = filled(backend, p, options);
      const size_t at = channels == 1 ? 0 : 1;
      if (want.size() <= at) want.push_back(tensor_of(p, Backend{"", DType::kF32}));
      if (backend.device == Device::kCpu)
        want[at] = std::move(got);
      else
        check_exact({"patch_match", backend, p.shape()}, "pictures, as on the CPU", got, want[at].values());
    }
}

TEST_CASE(
    "patch match: pictures higher than wide, and patches of every size: the CPU's bits on every device") {
  for (const int64_t patch : {3, 5, 7, 9}) {
    Pictures p = random_pictures(1, 31, 26, 3);
    p.cut(0, {9, 11, 10, 8}, [](int64_t row, int64_t, int64_t) { return 0.02 * static_cast<double>(row); });
    const PatchMatchOptions options{.patch = patch, .levels = 2, .coarsest_rounds = 2, .fine_rounds = 2};
    const GuardedTensor want = filled(f32_backends().front(), p, options);
    CHECK(want.values() != tensor_of(p, f32_backends().front()).values());
    for (const Backend& backend : f32_backends())
      check_exact({"patch_match", backend, fmt::format("{} patch {}", p.shape(), patch)}, "pictures",
                  filled(backend, p, options), want.values());
  }
}

TEST_CASE("patch match: a picture of a batch is filled as if it were the only one") {
  for (const Backend& backend : f32_backends()) {
    Pictures p = random_pictures(3, 18, 20, 2);
    for (int64_t i = 0; i < 3; ++i) p.cut(i, {4 + i, 5, 6, 7}, [](int64_t, int64_t, int64_t) { return 0.0; });
    PatchMatchOptions options{.levels = 2, .coarsest_rounds = 2, .fine_rounds = 2, .seed = 3};
    const GuardedTensor together = filled(backend, p, options);
    const auto values = static_cast<std::ptrdiff_t>(p.values.size() / 3);
    for (std::ptrdiff_t i = 0; i < 3; ++i) {
      Pictures one(1, p.height, p.width, p.channels);
      std::copy_n(p.values.begin() + i * values, values, one.values.begin());
      std::copy_n(p.missing.begin() + i * values / 2, values / 2, one.missing.begin());
      options.seed = 3 + static_cast<uint64_t>(i);
      const GuardedTensor alone = filled(backend, one, options);
      for (int64_t k = 0; k < alone.elements(); ++k) CHECK(alone[k] == together[i * values + k]);
    }
  }
}

TEST_CASE("patch match: the box of the missing pixels") {
  Pictures p(2, 9, 11, 1);
  const auto box = [&] { return missing_box(mask_of(p, backends().front())); };
  CHECK(box().height == 0);
  p.missing[p.at(0, 3, 10)] = 1;
  CHECK(std::array{box().top, box().left, box().height, box().width} == std::array<int64_t, 4>{3, 10, 1, 1});
  p.missing[p.at(1, 8, 2)] = 1;
  CHECK(std::array{box().top, box().left, box().height, box().width} == std::array<int64_t, 4>{3, 2, 6, 9});
}

TEST_CASE("patch match: wrong tensors and options are refused") {
  const Backend backend = backends().front();
  const auto ctx = backend.context();
  const GuardedTensor mask({1, 9, 9}, DType::kU8), picture({1, 9, 9, 3}, DType::kF32),
      five({1, 9, 9, 5}, DType::kF32), real({1, 9, 9, 3}, DType::kF64), other({1, 9, 8}, DType::kU8);
  const auto refused = [&](const char* what, const PatchMatchOptions& options, const Tensor& m,
                           const Tensor& p) {
    check_refused("patch_match", what, [&] { patch_match(*ctx, options, m, p); });
  };
  refused("mask", {}, other, picture);
  refused("mask", {}, picture, picture);
  refused("pictures", {}, mask, real);
  refused("C at most 4", {}, mask, five);
  refused("patches of 4", {.patch = 4}, mask, picture);
  refused("patches of 11", {.patch = 11}, mask, picture);
  refused("box", {.box = {3, 3, 7, 3}}, mask, picture);
  refused("box", {.box = {-1, 3, 2, 3}}, mask, picture);
  refused("rounds", {.sweeps = 0}, mask, picture);
  refused("sharpness", {.sharpness = -1}, mask, picture);
  refused("guide_colour", {.guide_colour = 1.5f}, mask, picture);
}
