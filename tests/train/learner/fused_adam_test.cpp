// An update that takes products beside one that stores all gradients.
#include "train/learner/fused_adam.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "core/base/philox.h"
#include "kernels/random/random_fill.h"
#include "nn/networks/context_encoder.h"
#include "nn/pass.h"

using namespace inpaint;

namespace {

constexpr ContextEncoderOptions kTiny{
    .image_size = 16, .image_channel = 3, .base_channels = 3, .bottleneck = 7};
constexpr int64_t kBatch = 3;

// A generator after two updates, with the sum of its half squares at the second.
struct Updated {
  Context ctx{2, MatrixBackend::kEigen};
  Network network = make_generator(kTiny);
  Parameters params;
  double half_squares = 0;

  explicit Updated(HandedOver handed_over)
      : params(network.spec(), DType::kF64, Parameters::Use::kTraining, Device::kCpu, handed_over) {
    params.initialize(ctx, 7, 0);
    Pass pass(ctx, network, network.in_shape(kBatch), DType::kF64, Pass::Keep::kForBackward);
    ctx.reserve_workspace(FusedAdam::workspace_bytes(ctx, network.spec(), kBatch, DType::kF64));
    ctx.reserve_workspace(adam_workspace_bytes(ctx, network.spec().parameters()));
    const Shape in = network.in_shape(kBatch), out = pass.output().shape;
    const auto pieces = static_cast<int64_t>(params.pieces().size());
    const Buffer memory((in.elements() + out.elements() + 1 + pieces) * 8);
    const Tensor x = memory.tensor(in, DType::kF64), dy = memory.tensor(out, DType::kF64, in.elements() * 8);
    const Tensor rate = memory.tensor({1}, DType::kF64, (in.elements() + out.elements()) * 8);
    const Tensor squares = memory.tensor({pieces}, DType::kF64, (in.elements() + out.elements() + 1) * 8);
    fill_normal(ctx, Philox(12, RandomStream::kInitialValues), 1.0, x);
    fill_normal(ctx, Philox(13, RandomStream::kInitialValues), 1.0, dy);
    const AdamOptions options{.learning_rate = 0.01, .weight_decay = 1e-3};
    for (int64_t update = 1; update <= 2; ++update) {
      rate.as<double>()[0] = adam_rate(options, update);
      FusedAdam adam(params, options, rate, squares, nullptr);
      network.forward(ctx, params, x, Statistics::kBatch, pass);
      network.backward(ctx, params, dy, nullptr, {ParameterGrads::kOverwrite, &adam}, pass);
      adam.apply_stored(ctx);
    }
    half_squares = std::accumulate(squares.as<double>(), squares.as<double>() + pieces, 0.0);
  }
};

void check_close(const Tensor& got, const Tensor& want) {
  double difference = 0, size = 0;
  for (int64_t i = 0; i < want.elements(); ++i) {
    difference += std::abs(got.as<double>()[i] - want.as<double>()[i]);
    size += std::abs(want.as<double>()[i]);
  }
  CHECK(size > 0);
  CHECK(difference <= 1e-11 * size);
}

}  // namespace

TEST_CASE("fused adam: taking products and storing gradients make the same updates") {
  const Updated fused(HandedOver::kNotStored), stored(HandedOver::kStored);
  check_close(fused.params.values(), stored.params.values());
  check_close(fused.params.moments1(), stored.params.moments1());
  check_close(fused.params.moments2(), stored.params.moments2());
  CHECK(fused.half_squares == doctest::Approx(stored.half_squares).epsilon(1e-12));
}
