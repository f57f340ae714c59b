// Networks that are no chains: values that several layers read, and the memory that values take turns in.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/philox.h"
#include "kernels/random/random_fill.h"
#include "nn/layers/bias_activation.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/group_norm.h"
#include "nn/networks/context_encoder.h"
#include "nn/networks/harmonic_unet.h"
#include "nn/pass.h"

using namespace inpaint;

namespace {

constexpr Conv2dWindow kPoint{1, 1, 0, 1};
constexpr int64_t kChannels = 2;

Value point(Network& network, Value from, const std::string& name) {
  return network.add<Conv2d>(from, name, kChannels, kChannels, kPoint);
}
Value sum(Network& network, Value from, Value addend, const std::string& name) {
  return network.add_sum<BiasActivation>(from, addend, name, kChannels, Activation::kNone);
}

// The output of a network whose weights w of each 1 x 1 convolution are w times the unit matrix, for an input
// of ones; and the input's gradient for an output gradient of ones.
struct Numbers {
  double output, gradient;
};
Numbers numbers_of(const Network& network, const std::vector<double>& weights) {
  Context ctx(1, MatrixBackend::kEigen);
  const Parameters params(network.spec(), DType::kF64, Parameters::Use::kTraining);
  for (size_t i = 0; i < weights.size(); ++i) {
    const Tensor w = params.value({ParameterId::Kind::kWeight, i});
    for (int64_t c = 0; c < kChannels; ++c) w.as<double>()[c * kChannels + c] = weights[i];
  }
  Pass pass(ctx, network, network.in_shape(1), DType::kF64, Pass::Keep::kForBackward);
  const Buffer memory(3 * 8 * kChannels);
  const Tensor x = memory.tensor({1, 1, 1, kChannels}, DType::kF64),
               dy = memory.tensor(x.shape, DType::kF64, 8 * kChannels),
               dx = memory.tensor(x.shape, DType::kF64, 16 * kChannels);
  for (const Tensor& t : {x, dy}) std::fill_n(t.as<double>(), kChannels, 1.0);
  const Tensor y = network.forward(ctx, params, x, Statistics::kBatch, pass);
  network.backward(ctx, params, dy, &dx, ParameterGrads::kOverwrite, pass);
  return {y.as<double>()[0], dx.as<double>()[0]};
}

}  // namespace

TEST_CASE("graph: a value that two layers read gets the sum of their gradients") {
  Network network("n", {1, 1, kChannels});
  const Value a = point(network, network.input(), "a"), b = point(network, a, "b");
  sum(network, b, a, "sum");  // 3 x + 5 * 3 x
  const Numbers numbers = numbers_of(network, {3, 5});
  CHECK(numbers.output == 18);
  CHECK(numbers.gradient == 18);
}

TEST_CASE("graph: skips over skips, in every order of readers") {
  Network network("n", {1, 1, kChannels});
  const Value a = point(network, network.input(), "a");          // 2
  const Value b = point(network, a, "b");                        // 2 * 3 = 6
  const Value c = sum(network, b, a, "c");                       // 8
  const Value d = point(network, c, "d");                        // 8 * 5 = 40
  const Value e = sum(network, d, a, "e");                       // 42: a is read a third time
  const Value f = sum(network, point(network, e, "f"), c, "f");  // 42 * 7 + 8 = 302
  sum(network, point(network, f, "g"), b, "g");                  // 302 * 11 + 6 = 3328
  const Numbers numbers = numbers_of(network, {2, 3, 5, 7, 11});
  CHECK(numbers.output == 3328);
  CHECK(numbers.gradient == 3328);  // the network is linear, and the input one
}

TEST_CASE("graph: an addend that is no earlier value, or of another shape, is refused") {
  Network network("n", {2, 2, kChannels});
  const Value a = point(network, network.input(), "a");
  CHECK_THROWS_AS(point(network, Value{7}, "b"), Error);
  CHECK_THROWS_AS(sum(network, a, network.input(), "c"), Error);
  CHECK_THROWS_AS(sum(network, a, a, "d"), Error);
  CHECK_THROWS_AS(network.add_sum<Conv2d>(a, network.input(), "e", kChannels, kChannels, kPoint), Error);
  const Value small = network.add<Conv2d>(a, "f", kChannels, kChannels, Conv2dWindow{2, 2, 0, 1});
  sum(network, small, a, "g");
  CHECK_THROWS_AS(network.output_shapes(network.in_shape(1)), ShapeError);
}

TEST_CASE("graph: an output that no layer reads is refused where gradients are planned") {
  Network network("n", {2, 2, kChannels});
  const Value a = point(network, network.input(), "a");
  point(network, a, "unread");
  point(network, a, "b");
  CHECK_THROWS_AS(plan_gradients(network, network.output_shapes(network.in_shape(1))), Error);
}

TEST_CASE("graph: no two values that are alive together share a slot") {
  const Network networks[] = {make_harmonic_unet({}), make_generator(ContextEncoderOptions{}),
                              make_discriminator(ContextEncoderOptions{})};
  for (const Network& network : networks) {
    const OutputPlan plan = plan_outputs(network, network.output_shapes(network.in_shape(2)));
    const auto& nodes = network.nodes();
    std::vector<int> holder(plan.slots.size(), -1);  // the node whose output the slot holds
    for (size_t i = 0; i < nodes.size(); ++i) {
      for (const Value& read : {nodes[i].from, nodes[i].addend.value_or(network.input())})
        if (!read.is_input()) REQUIRE(holder[plan.slot_of[read.node]] == read.node);
      if (plan.slot_of[i] == OutputPlan::kOwn) continue;
      for (const Value& read : {nodes[i].from, nodes[i].addend.value_or(network.input())})
        if (!read.is_input()) REQUIRE(plan.slot_of[read.node] != plan.slot_of[i]);
      holder[plan.slot_of[i]] = static_cast<int>(i);
    }
  }
}

TEST_CASE("graph: a gradient that is handed over is not written again in the same backward") {
  const Network network = make_generator(ContextEncoderOptions{});
  const std::vector<BackwardStep> steps =
      plan_gradients(network, network.output_shapes(network.in_shape(2))).steps;
  int handed_over = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (!network.nodes()[i].layer->hands_over_gradient()) continue;
    ++handed_over;
    for (size_t later = 0; later <= i; ++later) CHECK(steps[later].dx != steps[i].dy);
  }
  CHECK(handed_over == 2);
}

TEST_CASE("graph: a chain needs two slots, for outputs and for gradients") {
  const Network chain = make_discriminator(ContextEncoderOptions{});
  const std::vector<Shape> shapes = chain.output_shapes(chain.in_shape(2));
  CHECK(plan_outputs(chain, shapes).slots.size() == 2);
  CHECK(plan_gradients(chain, shapes).slots.size() == 2);
}

TEST_CASE("harmonic unet: layers, sizes and the start at the harmonic fill") {
  const Network network = make_harmonic_unet({});
  CHECK(network.in_shape(3) == Shape{3, 64, 64, 4});
  CHECK(network.output_shapes(network.in_shape(3)).back() == Shape{3, 64, 64, 3});
  CHECK(network.output_shapes({1, 40, 104, 4}).back() == Shape{1, 40, 104, 3});  // multiples of 8
  CHECK_THROWS_AS(network.output_shapes({1, 44, 104, 4}), ShapeError);
  CHECK(network.spec().parameters() == doctest::Approx(1.96e6).epsilon(0.01));
  CHECK(network.product_flop(network.in_shape(1)) == doctest::Approx(2 * 0.253e9).epsilon(0.01));

  Context ctx(2);
  const Parameters params(network.spec(), DType::kF32, Parameters::Use::kInference);
  Parameters drawn(network.spec(), DType::kF32, Parameters::Use::kInference);
  drawn.initialize(ctx, 1, 0);
  Pass pass(ctx, network, {1, 16, 16, 4}, DType::kF32, Pass::Keep::kOutputOnly);
  const Buffer memory(16 * 16 * 4 * 4);
  const Tensor x = memory.tensor({1, 16, 16, 4}, DType::kF32);
  fill_normal(ctx, Philox(12, RandomStream::kInitialValues), 1.0, x);
  const Tensor y = network.forward(ctx, drawn, x, Statistics::kRunning, pass);
  CHECK(std::all_of(y.as<float>(), y.as<float>() + y.elements(), [](float v) { return v == 0; }));
}

TEST_CASE("harmonic unet: initial values keep the size of what passes, and residual blocks start small") {
  const Network network = make_harmonic_unet({});
  Context ctx(2);
  Parameters params(network.spec(), DType::kF32, Parameters::Use::kInference);
  params.initialize(ctx, 1, 0);
  const auto deviation = [&](const std::string& name) {
    const auto kind = ParameterId::Kind::kWeight;
    const auto& list = network.spec().list(kind);
    const auto found = std::ranges::find(list, "generator." + name + ".weight", &ParameterInfo::name);
    REQUIRE(found != list.end());
    const Tensor w = params.value({kind, static_cast<size_t>(found - list.begin())});
    double squares = 0;
    for (int64_t i = 0; i < w.elements(); ++i) squares += w.as<float>()[i] * w.as<float>()[i];
    return std::sqrt(squares / static_cast<double>(w.elements()));
  };
  const auto he = [](double inputs) { return std::sqrt(2 / (1.04 * inputs)); };
  CHECK(deviation("encoder1.conv") == doctest::Approx(he(16 * 16)).epsilon(0.02));
  CHECK(deviation("encoder3.block1.conv1") == doctest::Approx(he(9 * 128)).epsilon(0.02));
  CHECK(deviation("encoder3.block1.conv2") == doctest::Approx(he(9 * 128) / 10).epsilon(0.02));
  CHECK(deviation("decoder2.conv") == doctest::Approx(he(4 * 128)).epsilon(0.02));
  CHECK(deviation("last") == 0);
}

TEST_CASE("harmonic unet: what it paints does not depend on the rest of the batch") {
  const HarmonicUnetOptions options{.image_size = 8, .image_channel = 1, .levels = {{16, 1, 1}, {16, 1, 0}}};
  const Network network = make_harmonic_unet(options);
  Context ctx(2);
  const Parameters params(network.spec(), DType::kF32, Parameters::Use::kInference);
  fill_normal(ctx, Philox(11, RandomStream::kInitialValues), 0.5, params.values());
  const Buffer memory(2 * 64 * 2 * 4);
  const Tensor two = memory.tensor({2, 8, 8, 2}, DType::kF32), one = memory.tensor({1, 8, 8, 2}, DType::kF32);
  fill_normal(ctx, Philox(12, RandomStream::kInitialValues), 1.0, two);
  Pass pair(ctx, network, two.shape, DType::kF32, Pass::Keep::kForBackward);
  Pass single(ctx, network, one.shape, DType::kF32, Pass::Keep::kOutputOnly);
  const Tensor a = network.forward(ctx, params, two, Statistics::kBatch, pair),
               b = network.forward(ctx, params, one, Statistics::kRunning, single);
  // Convolutions of another batch may sum in another order.
  for (int64_t i = 0; i < b.elements(); ++i)
    CHECK(b.as<float>()[i] == doctest::Approx(a.as<float>()[i]).epsilon(1e-4));
}
