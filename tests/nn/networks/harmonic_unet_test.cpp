// The whole-picture network: its layers, its parameters, and what it starts from.
#include "nn/networks/harmonic_unet.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/base/error.h"

using namespace inpaint;

namespace {

using Kind = ParameterId::Kind;

constexpr double kLeakyGain = 2 / 1.04;  // of the variance, for a slope of 0.2

// The variance that a weight is drawn with, of its name and shape in our order.
double initial_variance(const std::string& name, const Shape& shape) {
  if (name == "generator.last.weight") return 0;
  if (name.starts_with("generator.decoder") && name.find(".block") == std::string::npos)
    return kLeakyGain / static_cast<double>(4 * shape[0]);
  const auto inputs = static_cast<double>(shape[1] * shape[2] * shape[3]);
  return (name.ends_with("conv2.weight") ? 0.01 : 1) * kLeakyGain / inputs;
}

}  // namespace

TEST_CASE("harmonic unet: the weights of the smallest network, in order") {
  const HarmonicUnetOptions options{
      .image_size = 64, .image_channel = 3, .levels = {{16, 0, 1}, {32, 1, 0}, {48, 2, 0}}};
  const Network network = make_harmonic_unet(options);
  std::vector<std::string> weights;
  for (const ParameterInfo& info : network.spec().list(Kind::kWeight))
    weights.push_back(info.name + " " + to_string(info.shape));
  CHECK(weights ==
        std::vector<std::string>{
            "generator.encoder0.conv.weight [16, 3, 3, 4]", "generator.encoder1.conv.weight [32, 4, 4, 16]",
            "generator.encoder1.block0.conv1.weight [32, 3, 3, 32]",
            "generator.encoder1.block0.conv2.weight [32, 3, 3, 32]",
            "generator.encoder2.conv.weight [48, 4, 4, 32]",
            "generator.encoder2.block0.conv1.weight [48, 3, 3, 48]",
            "generator.encoder2.block0.conv2.weight [48, 3, 3, 48]",
            "generator.encoder2.block1.conv1.weight [48, 3, 3, 48]",
            "generator.encoder2.block1.conv2.weight [48, 3, 3, 48]",
            "generator.decoder1.conv.weight [48, 4, 4, 32]", "generator.decoder0.conv.weight [32, 4, 4, 16]",
            "generator.decoder0.block0.conv1.weight [16, 3, 3, 16]",
            "generator.decoder0.block0.conv2.weight [16, 3, 3, 16]", "generator.last.weight [3, 3, 3, 16]"});
  CHECK(network.output_shapes({2, 40, 24, 4}).back() == Shape{2, 40, 24, 3});
}

TEST_CASE("harmonic unet: weights keep the size of what passes, blocks start small, the last layer at zero") {
  const Network network = make_harmonic_unet({.levels = {{16, 0, 1}, {48, 1, 0}, {128, 2, 0}}});
  Context ctx(1);
  Parameters parameters(network.spec(), DType::kF32, Parameters::Use::kInference);
  parameters.initialize(ctx, 3, 0);
  const std::vector<ParameterInfo>& weights = network.spec().list(Kind::kWeight);
  for (size_t t = 0; t < weights.size(); ++t) {
    const std::string& name = weights[t].name;
    CAPTURE(name);
    const Tensor w = parameters.value({Kind::kWeight, t});
    double squares = 0;
    for (int64_t i = 0; i < w.elements(); ++i) squares += std::pow(w.as<float>()[i], 2);
    const double n = static_cast<double>(w.elements()), variance = initial_variance(name, weights[t].shape);
    // The deviation of a mean of n squares of a normal is sqrt(2 / n) of the variance.
    CHECK(std::abs(squares / n - variance) <= 5 * std::sqrt(2.0 / n) * variance);
  }
}

TEST_CASE("harmonic unet: levels that the size does not divide, and channels without groups, are refused") {
  const auto levels = [](int64_t first, int64_t last) {
    return std::vector<HarmonicUnetOptions::Level>{{first, 0, 0}, {48, 0, 0}, {last, 1, 0}};
  };
  CHECK_NOTHROW(make_harmonic_unet({.image_size = 68, .levels = levels(16, 16)}));
  CHECK_THROWS_AS(make_harmonic_unet({.image_size = 66, .levels = levels(16, 16)}), Error);
  CHECK_THROWS_AS(make_harmonic_unet({.levels = levels(16, 24)}), Error);
  CHECK_THROWS_AS(make_harmonic_unet({.levels = levels(0, 16)}), Error);
  CHECK_THROWS_AS(make_harmonic_unet({.levels = {{16, 0, 0}}}), Error);
}
