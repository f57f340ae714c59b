// The networks of the specification: layers, shapes, parameters, initial values.
#include "nn/networks/context_encoder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

using namespace inpaint;

namespace {

using Kind = ParameterId::Kind;

std::vector<std::string> weight_shapes(const Network& network) {
  std::vector<std::string> shapes;
  for (const ParameterInfo& info : network.spec().list(Kind::kWeight))
    shapes.push_back(to_string(info.shape));
  return shapes;
}

Shape output_shape(const Network& network, int64_t batch) {
  Shape shape = network.in_shape(batch);
  for (const auto& node : network.nodes()) shape = node.layer->out_shape(shape);
  return shape;
}

}  // namespace

TEST_CASE("context encoder: 128 x 128 is the source program's network") {
  const Network generator = make_generator({.image_size = 128, .image_channel = 3});
  const Network discriminator = make_discriminator({.image_size = 128, .image_channel = 3});
  CHECK(weight_shapes(generator) ==
        std::vector<std::string>{"[64, 4, 4, 3]", "[64, 4, 4, 64]", "[128, 4, 4, 64]", "[256, 4, 4, 128]",
                                 "[512, 4, 4, 256]", "[4000, 8192]", "[8192, 4000]", "[512, 4, 4, 256]",
                                 "[256, 4, 4, 128]", "[128, 4, 4, 64]", "[64, 4, 4, 3]"});
  CHECK(weight_shapes(discriminator) == std::vector<std::string>{"[64, 4, 4, 3]", "[128, 4, 4, 64]",
                                                                 "[256, 4, 4, 128]", "[512, 4, 4, 256]",
                                                                 "[1, 8192]"});
  CHECK(output_shape(generator, 2) == Shape{2, 64, 64, 3});
  CHECK(output_shape(discriminator, 2) == Shape{2, 1});
  CHECK(generator.spec().parameters() == 71138339);
  CHECK(discriminator.spec().parameters() == 2766657);
}

TEST_CASE("context encoder: one rule gives the networks for 64 and 256") {
  const Network small = make_generator({.image_size = 64, .image_channel = 1});
  CHECK(weight_shapes(small) == std::vector<std::string>{"[64, 4, 4, 1]", "[128, 4, 4, 64]",
                                                         "[256, 4, 4, 128]", "[512, 4, 4, 256]",
                                                         "[4000, 8192]", "[8192, 4000]", "[512, 4, 4, 256]",
                                                         "[256, 4, 4, 128]", "[128, 4, 4, 1]"});
  CHECK(output_shape(small, 1) == Shape{1, 32, 32, 1});
  CHECK(weight_shapes(make_discriminator({.image_size = 64, .image_channel = 1})) ==
        std::vector<std::string>{"[128, 4, 4, 1]", "[256, 4, 4, 128]", "[512, 4, 4, 256]", "[1, 8192]"});
  const Network large = make_generator({.image_size = 256, .image_channel = 3});
  CHECK(large.spec().list(Kind::kWeight).size() == 13);
  CHECK(output_shape(large, 1) == Shape{1, 128, 128, 3});
}

TEST_CASE("context encoder: names are those of a checkpoint") {
  const Network generator = make_generator({});
  const ParameterSpec& spec = generator.spec();
  CHECK(spec.list(Kind::kWeight).front().name == "generator.hidden1.weight");
  CHECK(spec.list(Kind::kWeight).back().name == "generator.hidden11.weight");
  CHECK(spec.list(Kind::kOther)[0].name == "generator.hidden1.bias");
  CHECK(spec.list(Kind::kOther)[1].name == "generator.hidden1.bn.weight");
  CHECK(spec.list(Kind::kOther)[2].name == "generator.hidden1.bn.bias");
  CHECK(spec.list(Kind::kOther).back().name == "generator.hidden11.bias");
  CHECK(spec.list(Kind::kRunning)[1].name == "generator.hidden1.bn.running_var");
  CHECK(make_discriminator({}).spec().list(Kind::kOther).back().name == "discriminator.hidden5.bias");
}

TEST_CASE("context encoder: initial values follow the specification and the seed alone") {
  const ContextEncoderOptions options{
      .image_size = 32, .image_channel = 3, .base_channels = 8, .bottleneck = 40};
  const Network network = make_generator(options);
  Context one(1), three(3);
  Parameters a(network.spec(), DType::kF32, Parameters::Use::kTraining);
  Parameters b(network.spec(), DType::kF32, Parameters::Use::kInference);
  a.initialize(one, 9, 0);
  b.initialize(three, 9, 0);
  for (int64_t i = 0; i < a.values().elements(); ++i)
    REQUIRE(a.values().as<float>()[i] == b.values().as<float>()[i]);
  b.initialize(one, 10, 0);
  CHECK(a.values().as<float>()[0] != b.values().as<float>()[0]);

  for (size_t t = 0; t < network.spec().list(Kind::kWeight).size(); ++t) {
    const Tensor w = a.value({Kind::kWeight, t});
    double squares = 0, largest = 0;
    for (int64_t i = 0; i < w.elements(); ++i) {
      const double value = w.as<float>()[i];
      squares += value * value;
      largest = std::max(largest, std::abs(value));
    }
    const bool convolution = t < 3;  // 32 -> 16 -> 8 -> 4
    CHECK((largest <= 0.0400001) == convolution);
    const double variance = convolution ? 0.77374 : 1.0;  // of a normal cut at two deviations; of a normal
    const double n = static_cast<double>(w.elements());
    // The deviation of a mean of n squares of a normal is sqrt(2 / n) of the variance.
    CHECK(squares / n / 0.0004 == doctest::Approx(variance).epsilon(5 * std::sqrt(2.0 / n)));
  }
  for (size_t t = 0; t < network.spec().list(Kind::kOther).size(); ++t) {
    const Tensor value = a.value({Kind::kOther, t});
    const bool scale = network.spec().list(Kind::kOther)[t].name.ends_with(".bn.weight");
    for (int64_t i = 0; i < value.elements(); ++i) REQUIRE(value.as<float>()[i] == (scale ? 1.0f : 0.0f));
  }
  for (size_t t = 0; t < network.spec().list(Kind::kRunning).size(); ++t) {
    const Tensor value = a.value({Kind::kRunning, t});
    const bool variance = network.spec().list(Kind::kRunning)[t].name.ends_with(".running_var");
    for (int64_t i = 0; i < value.elements(); ++i) REQUIRE(value.as<float>()[i] == (variance ? 1.0f : 0.0f));
  }
}
