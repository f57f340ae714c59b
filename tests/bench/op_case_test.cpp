// The benches compare every result before they time it. Here each case's comparison must accept the op's
// result and refuse results that are wrong: everywhere by one part in a hundred, in the last element alone,
// and not written.
#include <doctest/doctest.h>

#include "bench/layer_cases.h"
#include "bench/layer_ops.h"
#include "bench/op_cases.h"
#include "bench/timing.h"

namespace inpaint::bench {
namespace {

// Two of each kind of layer, small enough to run in a moment.
constexpr ContextEncoderOptions kSmall{
    .image_size = 32, .image_channel = 3, .base_channels = 8, .bottleneck = 24};
constexpr int64_t kBatch = 3;

std::vector<CaseMaker> all_cases() {
  std::vector<CaseMaker> cases = layer_cases(kSmall, kBatch, DType::kF32);
  for (CaseMaker& maker : op_cases(kSmall, kBatch, DType::kF32)) cases.push_back(std::move(maker));
  return cases;
}

std::vector<double> values_of(const CaseTensor& tensor) {
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.elements(); ++i) values.push_back(tensor[i]);
  return values;
}

// Puts these values in the output's place, asks for the comparison's word, and puts the right ones back.
template <typename F>
bool is_refused(const Context& ctx, const OpCase& made, CaseTensor& output, F&& wrong_value) {
  output.fetch(ctx);
  const std::vector<double> right = values_of(output);
  for (int64_t i = 0; i < output.elements(); ++i)
    output.set(i, wrong_value(i, right[static_cast<size_t>(i)]));
  output.put(ctx);
  const bool refused = !made.wrong().empty();
  for (int64_t i = 0; i < output.elements(); ++i) output.set(i, right[static_cast<size_t>(i)]);
  output.put(ctx);
  return refused;
}

TEST_CASE("op_case: the results of all ops are accepted, wrong ones refused") {
  Context ctx(2);
  const std::vector<CaseMaker> cases = all_cases();
  REQUIRE(cases.size() > 40);
  for (const CaseMaker& maker : cases) {
    CAPTURE(maker.name);
    const OpCase made = maker.make(ctx);
    CHECK(made.name == maker.name);
    CHECK(made.bytes > 0);
    REQUIRE(!made.outputs.empty());
    CHECK_MESSAGE(!made.wrong().empty(), "outputs that nothing has written are accepted");
    made.run();
    const std::string message = made.wrong();
    CHECK_MESSAGE(message.empty(), message);
    for (size_t k = 0; k < made.outputs.size(); ++k) {
      CAPTURE(k);
      CaseTensor& output = *made.outputs[k];
      CHECK(is_refused(ctx, made, output, [](int64_t, double right) { return 1.01 * right + 1.01; }));
      CHECK(is_refused(ctx, made, output, [&](int64_t i, double right) {
        return i + 1 == output.elements() ? right + 1.5 * (1 + std::abs(right)) : right;
      }));
    }
    CHECK(made.wrong().empty());
  }
}

TEST_CASE("op_case: the layers' products are those of a training step") {
  double flop = 0;
  Context ctx(1);
  for (const CaseMaker& maker : layer_cases(kSmall, kBatch, DType::kF32)) {
    const OpCase made = maker.make(ctx);
    flop += static_cast<double>(made.flop) * made.per_step;
  }
  const Network gene = make_generator(kSmall), disc = make_discriminator(kSmall);
  const auto first = [](const Network& network) {
    return static_cast<double>(network.nodes().front().layer->product_flop(network.in_shape(kBatch)));
  };
  // Forward 5, its two gradients 5 each but the pictures'; forward 8, image gradients 7 (5 for the first
  // layer), weight gradients 2.
  const double g = static_cast<double>(gene.product_flop(gene.in_shape(kBatch))),
               d = static_cast<double>(disc.product_flop(disc.in_shape(kBatch)));
  CHECK(flop == doctest::Approx(15 * g - 5 * first(gene) + 17 * d - 2 * first(disc)).epsilon(1e-12));
}

TEST_CASE("op_case: products with padding are not needed") {
  Context ctx(1);
  // A 2 x 2 picture: the one output sees it all, and 12 of its 16 taps are padding.
  const OpCase smallest = conv2d_forward_case(ctx, {1, 2, 2, 3, 5}, DType::kF32);
  CHECK(smallest.flop == 2 * 16 * 3 * 5);
  CHECK(smallest.needed_flop == 2 * 4 * 3 * 5);
  // 4 x 4 outputs of 16 taps in each direction, 14 of them inside.
  const OpCase made = conv2d_backward_weight_case(ctx, {2, 8, 8, 1, 1}, DType::kF32);
  CHECK(made.needed_flop == 2 * 2 * 14 * 14);
  // 8 x 8 outputs of 3 taps in each direction, dilated by 4: of each output one lies outside.
  const OpCase dilated = conv2d_forward_case(ctx, {1, 8, 8, 2, 3, {3, 1, 4, 4}}, DType::kF32);
  CHECK(dilated.needed_flop == 2 * 16 * 16 * 2 * 3);
}

TEST_CASE("timing: quantiles") {
  CHECK(median({3, 1, 2}) == 2);
  CHECK(median({4, 1, 2, 3}) == 2.5);
  CHECK(quantile({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 0.1) == 2);
  CHECK(quantile({5}, 0.9) == 5);
}

}  // namespace
}  // namespace inpaint::bench
