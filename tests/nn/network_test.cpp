// Whole networks: gradients of all parameters and of the input against directional derivatives in double.
#include "nn/network.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/philox.h"
#include "kernels/random/random_fill.h"
#include "nn/networks/context_encoder.h"
#include "nn/networks/harmonic_unet.h"
#include "nn/pass.h"
#include "tests/nn/network_case.h"

using namespace inpaint;

namespace {

constexpr ContextEncoderOptions kTiny{
    .image_size = 16, .image_channel = 3, .base_channels = 3, .bottleneck = 7};

// Two levels with blocks: skips, residual blocks and dilation.
const HarmonicUnetOptions kTinyUnet{.image_size = 8, .image_channel = 3, .levels = {{16, 1, 1}, {32, 2, 0}}};

}  // namespace

TEST_CASE("generator: every gradient matches a directional derivative") {
  check_all_gradients(make_generator(kTiny));
}

TEST_CASE("discriminator: every gradient matches a directional derivative") {
  check_all_gradients(make_discriminator(kTiny));
}

TEST_CASE("harmonic unet: every gradient matches a directional derivative") {
  check_all_gradients(make_harmonic_unet(kTinyUnet));
}

// Values that one layer reads and that two read, in front of layers that work in place and of others.
TEST_CASE("network: a loss at any inner value adds its gradient, and at none but those") {
  const auto inner = static_cast<int>(make_harmonic_unet(kTinyUnet).nodes().size()) - 1;
  for (int node = 0; node < inner; node += 3) {
    CAPTURE(node);
    NetworkCase c(make_harmonic_unet(kTinyUnet), 2);
    c.tap({node});
    c.backward(ParameterGrads::kOverwrite);
    check_gradient(c, c.input(), c.dinput(), 100, "input");
    check_gradient(c, c.params.values(), c.params.grads(), 101, "parameters");
  }
  NetworkCase all(make_harmonic_unet(kTinyUnet), 2);
  for (int node = 0; node < inner; ++node) all.tap({node});
  check_all_gradients(all);
  NetworkCase output(make_harmonic_unet(kTinyUnet), 2), input(make_harmonic_unet(kTinyUnet), 2);
  output.taps.push_back({{inner}, [](const Tensor&) {}});
  CHECK_THROWS_AS(output.backward(ParameterGrads::kOverwrite), Error);
  input.taps.push_back({input.network.input(), [](const Tensor&) {}});
  CHECK_THROWS_AS(input.backward(ParameterGrads::kOverwrite), Error);
}

TEST_CASE("network: parameter gradients are skipped, overwritten or accumulated as told") {
  NetworkCase c(make_discriminator(kTiny), 4);
  c.backward(ParameterGrads::kOverwrite);
  const Tensor grads = c.params.grads();
  const std::vector<double> once(grads.as<double>(), grads.as<double>() + grads.elements());
  const std::vector<double> dx(c.dinput().as<double>(), c.dinput().as<double>() + c.dinput().elements());

  c.backward(ParameterGrads::kAccumulate);
  bool nonzero = false;
  for (size_t i = 0; i < once.size(); ++i) {
    REQUIRE(grads.as<double>()[i] == doctest::Approx(2 * once[i]).epsilon(1e-12));
    nonzero |= once[i] != 0;
  }
  CHECK(nonzero);

  c.backward(ParameterGrads::kSkip);
  for (size_t i = 0; i < once.size(); ++i)
    REQUIRE(grads.as<double>()[i] == doctest::Approx(2 * once[i]).epsilon(1e-12));
  for (size_t i = 0; i < dx.size(); ++i) REQUIRE(c.dinput().as<double>()[i] == dx[i]);

  c.backward(ParameterGrads::kOverwrite);
  for (size_t i = 0; i < once.size(); ++i) REQUIRE(grads.as<double>()[i] == once[i]);
}

TEST_CASE("network: a bias before a batch norm has a gradient of exactly 0") {
  NetworkCase c(make_discriminator(kTiny), 4);
  c.backward(ParameterGrads::kOverwrite);
  const auto& others = c.network.spec().list(ParameterId::Kind::kOther);
  REQUIRE(others[0].name == "discriminator.hidden1.bias");
  const Tensor grad = c.params.grad({ParameterId::Kind::kOther, 0});
  for (int64_t k = 0; k < grad.elements(); ++k) CHECK(grad.as<double>()[k] == 0.0);
}

TEST_CASE("network: running averages move by a tenth of the batch's, and inference uses them alone") {
  NetworkCase c(make_discriminator(kTiny), 4);
  c.params.initialize(c.ctx, 5, 1);
  c.loss();
  REQUIRE(c.network.spec().list(ParameterId::Kind::kRunning).size() == 2);
  const Tensor mean = c.params.value({ParameterId::Kind::kRunning, 0});
  const Tensor variance = c.params.value({ParameterId::Kind::kRunning, 1});
  for (int64_t i = 0; i < mean.elements(); ++i) {
    CHECK(mean.as<double>()[i] == 0.0);  // forward alone moves nothing
    CHECK(variance.as<double>()[i] == 1.0);
  }
  // m <- 0.9 m + 0.1 b, twice from 0: 0.1 b, then 0.19 b; from 1: 0.9 + 0.1 b, then 0.81 + 0.19 b.
  c.network.update_running(c.ctx, c.params, c.pass);
  const double m1 = mean.as<double>()[0], v1 = variance.as<double>()[0];
  c.network.update_running(c.ctx, c.params, c.pass);
  CHECK(m1 != 0.0);
  CHECK(mean.as<double>()[0] == doctest::Approx(1.9 * m1).epsilon(1e-12));
  CHECK(variance.as<double>()[0] - 0.81 == doctest::Approx(1.9 * (v1 - 0.9)).epsilon(1e-12));

  // Inference: an example's output does not depend on the rest of its batch.
  const Tensor y = c.network.forward(c.ctx, c.params, c.input(), Statistics::kRunning, c.pass);
  const double first = y.as<double>()[0];
  const int64_t example = c.input().elements() / c.batch;
  for (int64_t i = example; i < c.input().elements(); ++i) c.input().as<double>()[i] += 1.0;
  c.network.forward(c.ctx, c.params, c.input(), Statistics::kRunning, c.pass);
  CHECK(y.as<double>()[0] == first);
  c.network.forward(c.ctx, c.params, c.input(), Statistics::kBatch, c.pass);
  CHECK(y.as<double>()[0] != first);
}

TEST_CASE("network: running averages of every layer move by a tenth of the way to the batch's") {
  NetworkCase c(make_generator(kTiny), 4);
  c.params.initialize(c.ctx, 5, 1);
  c.loss();
  const auto kind = ParameterId::Kind::kRunning;
  const size_t count = c.network.spec().list(kind).size();
  REQUIRE(count > 4);  // of more than two batch norms
  std::vector<std::vector<double>> once;
  for (const bool again : {false, true}) {
    c.network.update_running(c.ctx, c.params, c.pass);
    for (size_t i = 0; i < count; ++i) {
      CAPTURE(c.network.spec().list(kind)[i].name);
      const Tensor values = c.params.value({kind, i});
      if (!again) once.emplace_back(values.as<double>(), values.as<double>() + values.elements());
      for (int64_t k = 0; k < values.elements(); ++k) {
        const double start = i % 2 == 0 ? 0 : 1;  // means, variances
        const double first = once[i][static_cast<size_t>(k)] - start, now = values.as<double>()[k] - start;
        CHECK(first != 0);
        CHECK(now == doctest::Approx((again ? 1.9 : 1) * first).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("network: a bias before a batch norm changes nothing in training, and inference through the mean") {
  NetworkCase c(make_discriminator(kTiny), 4);
  const double before = c.loss();
  const Tensor bias = c.params.value({ParameterId::Kind::kOther, 0});
  for (int64_t i = 0; i < bias.elements(); ++i) bias.as<double>()[i] = 3.0;
  CHECK(c.loss() == before);
  const Tensor mean = c.params.value({ParameterId::Kind::kRunning, 0});
  const double m0 = mean.as<double>()[0];
  c.network.update_running(c.ctx, c.params, c.pass);
  const double with_bias = mean.as<double>()[0];
  for (int64_t i = 0; i < bias.elements(); ++i) bias.as<double>()[i] = 0.0;
  mean.as<double>()[0] = m0;
  c.network.update_running(c.ctx, c.params, c.pass);
  CHECK(with_bias - mean.as<double>()[0] == doctest::Approx(0.3).epsilon(1e-12));
}

TEST_CASE(
    "network: an inference pass gives what a training pass gives with running averages, in less memory") {
  NetworkCase c(make_generator(kTiny), 3);
  c.params.initialize(c.ctx, 5, 0);
  Pass slim(c.ctx, c.network, c.network.in_shape(3), DType::kF64, Pass::Keep::kOutputOnly);
  CHECK(slim.bytes() < c.pass.bytes());
  const Tensor full = c.network.forward(c.ctx, c.params, c.input(), Statistics::kRunning, c.pass);
  const Tensor lean = c.network.forward(c.ctx, c.params, c.input(), Statistics::kRunning, slim);
  for (int64_t i = 0; i < full.elements(); ++i) REQUIRE(full.as<double>()[i] == lean.as<double>()[i]);
  CHECK_THROWS_AS(c.network.backward(c.ctx, c.params, c.doutput(), nullptr, ParameterGrads::kSkip, slim),
                  Error);
}

TEST_CASE("network: passes that share a memory take turns") {
  NetworkCase c(make_discriminator(kTiny), 3);
  Pass second(c.ctx, c.network, c.pass);
  CHECK(second.bytes() < c.pass.bytes() / 4);
  CHECK(c.pass.bytes() + second.bytes() ==
        Pass::planned_bytes(c.network, c.network.in_shape(3), DType::kF64, Pass::Keep::kForBackward, 2));
  const auto values_of = [](const Tensor& t) {
    return std::vector<double>(t.as<double>(), t.as<double>() + t.elements());
  };
  c.backward(ParameterGrads::kOverwrite);
  const std::vector<double> scores = values_of(c.pass.output()), grads = values_of(c.params.grads());

  const Tensor other = c.dinput();  // any other input
  c.network.forward(c.ctx, c.params, other, Statistics::kBatch, second);
  CHECK(values_of(c.pass.output()) == scores);
  CHECK(values_of(second.output()) != scores);
  CHECK_THROWS_AS(
      c.network.backward(c.ctx, c.params, c.doutput(), nullptr, ParameterGrads::kOverwrite, c.pass), Error);

  c.backward(ParameterGrads::kOverwrite);
  CHECK(values_of(c.params.grads()) == grads);
}

TEST_CASE("network: a gradient that is not stored needs a sink, and is not accumulated") {
  NetworkCase c(make_generator(kTiny), 3);
  c.loss();
  const auto refuses = [&](const ParameterGrads& grads) {
    CHECK_THROWS_AS(c.network.backward(c.ctx, c.params, c.doutput(), nullptr, grads, c.pass), Error);
  };
  refuses(ParameterGrads::kOverwrite);
  refuses({ParameterGrads::kAccumulate, &c.sink});
  const auto& weights = c.network.spec().list(ParameterId::Kind::kWeight);
  size_t handed_over = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i].gradient == GradientUse::kStore) continue;
    ++handed_over;
    CHECK_THROWS_AS(c.params.grad({ParameterId::Kind::kWeight, i}), Error);
  }
  CHECK(handed_over == 2);
}

TEST_CASE("network: gradients that could be handed over are the same where they are stored, and accumulate") {
  NetworkCase handed(make_generator(kTiny), 3), stored(make_generator(kTiny), 3, HandedOver::kStored);
  handed.backward(ParameterGrads::kOverwrite);
  stored.backward(ParameterGrads::kOverwrite);
  CHECK(stored.params.pieces().size() == 1);
  CHECK(stored.params.grads().elements() == stored.network.spec().parameters());
  std::vector<double> once;
  for (const auto kind : {ParameterId::Kind::kWeight, ParameterId::Kind::kOther})
    for (size_t i = 0; i < handed.network.spec().list(kind).size(); ++i) {
      const Tensor want = handed.gradient({kind, i}), got = stored.params.grad({kind, i});
      CHECK(std::equal(got.as<double>(), got.as<double>() + got.elements(), want.as<double>()));
      once.insert(once.end(), got.as<double>(), got.as<double>() + got.elements());
    }
  stored.backward(ParameterGrads::kAccumulate);
  const Tensor twice = stored.params.grads();
  for (size_t i = 0; i < once.size(); ++i)
    REQUIRE(twice.as<double>()[i] == doctest::Approx(2 * once[i]).epsilon(1e-12));
}

TEST_CASE("parameters: the pieces follow each other, and the gradients of those that store them too") {
  const Network generator = make_generator(kTiny);
  const std::vector<ParameterPiece> pieces = generator.spec().pieces();
  REQUIRE(pieces.size() == 4);  // before, the two linear layers, and all behind
  int64_t end = 0, grad_end = 0, decayed = 0;
  for (const ParameterPiece& piece : pieces) {
    CHECK(piece.begin == end);
    end = piece.end;
    decayed += piece.decayed;
    if (!piece.stored) continue;
    CHECK(piece.grad_begin == grad_end);
    grad_end += piece.end - piece.begin;
  }
  CHECK(end == generator.spec().parameters());
  CHECK(grad_end == generator.spec().stored_gradients());
  CHECK(decayed == generator.spec().elements(ParameterId::Kind::kWeight));
  CHECK(make_discriminator(kTiny).spec().pieces().size() == 1);
}

TEST_CASE("network: an input of another shape is refused") {
  NetworkCase c(make_discriminator(kTiny), 4);
  const Tensor wrong = c.input().reshaped({c.batch, 4, 16, 3});
  CHECK_THROWS_AS(c.network.forward(c.ctx, c.params, wrong, Statistics::kBatch, c.pass), ShapeError);
}
