#include "kernels/parameter/adaptive_clip.h"

#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

std::vector<Backend> places() {
  std::vector<Backend> all = {{"cpu", DType::kF64}};
  if (Context::gpu_count() > 0) all.push_back({"cuda", DType::kF64, MatrixBackend::kEigen, Device::kCuda});
  return all;
}

// A run of steps on one device.
struct Clip {
  std::unique_ptr<Context> ctx;
  GuardedTensor squares, mean, scale;

  Clip(const Backend& b, double first_mean)
      : ctx(b.context()), squares({1}, b), mean({1}, b, [=](int64_t) { return first_mean; }), scale({1}, b) {}

  // The scale for a gradient with this sum of squares.
  double step(double sum) {
    squares.set(0, sum);
    scale.set(0, std::nan(""));
    adaptive_clip(*ctx, squares, mean, scale);
    CHECK(squares.guards_intact());
    CHECK(mean.guards_intact());
    CHECK(scale.guards_intact());
    return scale[0];
  }
};

doctest::Approx near(double value) { return doctest::Approx(value).epsilon(1e-14); }

}  // namespace

TEST_CASE("adaptive_clip: the first norm is the mean, later ones move it, large ones are made smaller") {
  for (const Backend& backend : places()) {
    CAPTURE(backend.name);
    Clip clip(backend, 0);
    CHECK(clip.step(16) == 1);
    CHECK(clip.mean[0] == 4);
    CHECK(clip.step(25) == 1);
    CHECK(clip.mean[0] == near(0.97 * 4 + 0.03 * 5));
    // A spike counts as two means, and its scale comes from the mean it has moved.
    const double old = clip.mean[0], moved = 0.97 * old + 0.03 * 2 * old;
    CHECK(clip.step(10000) == near(2 * moved / 100));
    CHECK(clip.mean[0] == near(moved));
    CHECK(clip.step(1) == 1);
    CHECK(clip.mean[0] == near(0.97 * moved + 0.03));
  }
}

TEST_CASE("adaptive_clip: the new mean decides, not the old one") {
  // 2.05 is more than twice the old mean of 1 and less than twice the new one of 1.03.
  for (const Backend& backend : places()) {
    CAPTURE(backend.name);
    Clip clip(backend, 1);
    CHECK(clip.step(2.05 * 2.05) == 1);
    CHECK(clip.mean[0] == near(1.03));
  }
}

TEST_CASE("adaptive_clip: a norm that is not finite leaves the mean and scales nothing") {
  for (const Backend& backend : places())
    for (const double start : {0.0, 0.7})
      for (const double bad : {std::nan(""), HUGE_VAL, -1.0}) {
        CAPTURE(backend.name);
        Clip clip(backend, start);
        CHECK(clip.step(bad) == 1);
        CHECK(clip.mean[0] == start);
      }
}

TEST_CASE("adaptive_clip: a gradient of zeros scales nothing") {
  for (const Backend& backend : places()) {
    CAPTURE(backend.name);
    Clip clip(backend, 0);
    CHECK(clip.step(0) == 1);
    CHECK(clip.mean[0] == 0);
    CHECK(clip.step(9) == 1);
    CHECK(clip.step(0) == 1);
    CHECK(clip.mean[0] == near(0.97 * 3));
  }
}

TEST_CASE("adaptive_clip: wrong tensors are refused") {
  const Backend backend = places().front();
  const auto ctx = backend.context();
  const GuardedTensor right({1}, backend), longer({2}, backend), f32({1}, DType::kF32);
  check_refused("adaptive_clip", "squares", [&] { adaptive_clip(*ctx, f32, right, right); });
  check_refused("adaptive_clip", "mean", [&] { adaptive_clip(*ctx, right, longer, right); });
  check_refused("adaptive_clip", "scale", [&] { adaptive_clip(*ctx, right, right, f32); });
}
