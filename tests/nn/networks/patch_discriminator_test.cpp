// The patch discriminator: what its scores see, its gradients, and the norm that its weights are divided by.
#include "nn/networks/patch_discriminator.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/error.h"
#include "tests/nn/network_case.h"

using namespace inpaint;

namespace {

using Kind = ParameterId::Kind;

constexpr PatchDiscriminatorOptions kTiny{.image_size = 16, .image_channel = 2, .base_channels = 3};

std::vector<double> values_of(const Tensor& t) { return {t.as<double>(), t.as<double>() + t.elements()}; }

// Until the running vectors are the weights' first singular vectors.
void converge(NetworkCase& c) {
  for (int i = 0; i < 3000; ++i) {
    c.loss();
    c.network.update_running(c.ctx, c.params, c.pass);
  }
}

struct Begun : NetworkCase {
  explicit Begun(int64_t pictures, const PatchDiscriminatorOptions& options = kTiny)
      : NetworkCase(make_patch_discriminator(options), pictures) {
    params.initialize(ctx, 5, 1);
  }
};

}  // namespace

TEST_CASE("patch discriminator: a score for every eight pixels, and three hidden features") {
  const Network network =
      make_patch_discriminator({.image_size = 64, .image_channel = 3, .base_channels = 32});
  CHECK(network.in_shape(2) == Shape{2, 64, 64, 4});
  const std::vector<Shape> shapes = network.output_shapes(network.in_shape(2));
  CHECK(shapes.back() == Shape{2, 8, 8, 1});
  std::vector<Shape> features;
  for (const Value feature : patch_features(network)) {
    const LayerDescription layer = network.nodes()[static_cast<size_t>(feature.node)].layer->describe();
    REQUIRE(std::holds_alternative<BiasActivationDescription>(layer));
    CHECK(std::get<BiasActivationDescription>(layer).activation == Activation::kLeakyRelu);
    features.push_back(shapes[static_cast<size_t>(feature.node)]);
  }
  CHECK(features == std::vector<Shape>{{2, 32, 32, 32}, {2, 16, 16, 64}, {2, 8, 8, 128}});
  // 16 * (4 * 32 + 32 * 64 + 64 * 128) + 9 * 128 weights, and biases.
  CHECK(network.spec().parameters() == 167040 + 32 + 64 + 128 + 1);
}

TEST_CASE("patch discriminator: one channel will do, sizes that the stride does not divide are refused") {
  const auto options = [](int64_t size, int64_t channels) {
    return PatchDiscriminatorOptions{.image_size = size, .image_channel = 1, .base_channels = channels};
  };
  CHECK_NOTHROW(make_patch_discriminator(options(16, 1)));
  CHECK_THROWS_AS(make_patch_discriminator(options(16, 0)), Error);
  CHECK_THROWS_AS(make_patch_discriminator(options(12, 1)), Error);
  CHECK_THROWS_AS(make_patch_discriminator(options(0, 1)), Error);
}

TEST_CASE("patch discriminator: the stated field is the pixels that change a score") {
  const PatchDiscriminatorOptions options{.image_size = 64, .image_channel = 1, .base_channels = 2};
  Begun c(1, options);
  const PatchField field = patch_field();
  for (const auto& score : {std::pair<int64_t, int64_t>{0, 0}, {3, 4}, {7, 2}}) {
    const int64_t i = score.first, j = score.second;
    CAPTURE(i);
    const Tensor dy = c.doutput();
    std::fill_n(dy.as<double>(), dy.elements(), 0.0);
    dy.as<double>()[i * 8 + j] = 1;
    c.backward(ParameterGrads::kSkip);
    int64_t top = 64, bottom = -1, left = 64, right = -1;
    for (int64_t y = 0; y < 64; ++y)
      for (int64_t x = 0; x < 64; ++x)
        if (c.dinput().as<double>()[(y * 64 + x) * 2] != 0) {
          top = std::min(top, y), bottom = std::max(bottom, y);
          left = std::min(left, x), right = std::max(right, x);
        }
    const auto first = [&](int64_t at) { return std::max<int64_t>(0, field.first + at * field.stride); };
    const auto last = [&](int64_t at) {
      return std::min<int64_t>(63, field.first + at * field.stride + field.size - 1);
    };
    CHECK(top == first(i));
    CHECK(bottom == last(i));
    CHECK(left == first(j));
    CHECK(right == last(j));
  }
}

// The gradient holds the singular vectors for constants. Where the power method has found them, they do not
// move with the weight to the first order, and the gradient is the function's.
TEST_CASE("patch discriminator: every gradient matches a directional derivative") {
  Begun c(3);
  converge(c);
  check_all_gradients(c);
  for (const Value feature : patch_features(c.network)) c.tap(feature);
  check_all_gradients(c);
}

TEST_CASE("patch discriminator: a weight's size does not count, and its norm becomes one") {
  Begun c(2);
  converge(c);
  c.loss();
  const std::vector<double> scores = values_of(c.pass.output());
  for (size_t i = 0; i < c.network.spec().list(Kind::kWeight).size(); ++i) {
    const Tensor w = c.params.value({Kind::kWeight, i});
    for (int64_t k = 0; k < w.elements(); ++k) w.as<double>()[k] *= 10;
  }
  c.loss();
  for (size_t i = 0; i < scores.size(); ++i)
    CHECK(c.pass.output().as<double>()[i] == doctest::Approx(scores[i]).epsilon(1e-12));

  // A linear layer of norm 1 makes no vector longer: the first layer's outputs beside its inputs, windows
  // counted as often as they overlap.
  double in = 0, out = 0;
  for (const double x : values_of(c.input())) in += x * x;
  for (const double y : values_of(c.pass.output_of({0}))) out += y * y;
  CHECK(out <= 4 * in);
}

TEST_CASE("patch discriminator: a forward is a function of the state, which update_running alone moves") {
  Begun c(2);
  const std::vector<double> before = values_of(c.params.running());
  REQUIRE(before.size() == 3 + 6 + 12 + 1);
  const double once = c.loss(), twice = c.loss();
  CHECK(once == twice);
  CHECK(values_of(c.params.running()) == before);
  c.network.update_running(c.ctx, c.params, c.pass);
  CHECK(values_of(c.params.running()) != before);
  CHECK(c.loss() != once);
  double length = 0;
  const Tensor u = c.params.value({Kind::kRunning, 1});
  for (const double x : values_of(u)) length += x * x;
  CHECK(length == doctest::Approx(1));
}

TEST_CASE("patch discriminator: in bf16 scores are near those in fp32") {
  std::vector<std::vector<double>> scores;
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    Context ctx(2);
    const Network network =
        make_patch_discriminator({.image_size = 32, .image_channel = 3, .base_channels = 8});
    Parameters params(network.spec(), dtype, Parameters::Use::kTraining);
    params.initialize(ctx, 5, 1);
    Pass pass(ctx, network, network.in_shape(2), dtype, Pass::Keep::kForBackward);
    const Buffer memory(network.in_shape(2).elements() * size_of(dtype));
    const Tensor x = memory.tensor(network.in_shape(2), dtype);
    const Philox random(12, RandomStream::kInitialValues);
    visit_activation_type(dtype, [&]<typename T>(T) {
      for (int64_t i = 0; i < x.elements(); ++i)
        x.as<T>()[i] = static_cast<T>(static_cast<float>(random.normal(static_cast<uint64_t>(i))));
    });
    network.forward(ctx, params, x, Statistics::kBatch, pass);
    scores.emplace_back();
    visit_activation_type(dtype, [&]<typename T>(T) {
      for (int64_t i = 0; i < pass.output().elements(); ++i)
        scores.back().push_back(static_cast<double>(static_cast<float>(pass.output().as<T>()[i])));
    });
  }
  double most = 0;
  for (size_t i = 0; i < scores[0].size(); ++i) {
    CHECK(scores[1][i] == doctest::Approx(scores[0][i]).epsilon(0.05));
    most = std::max(most, std::abs(scores[0][i]));
  }
  CHECK(most > 0.05);
}
