#include "nn/networks/context_encoder.h"

#include <algorithm>
#include <bit>

#include "nn/layers/batch_norm.h"
#include "nn/layers/bias_activation.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/conv_transpose2d.h"
#include "nn/layers/linear.h"

namespace inpaint {
namespace {

constexpr int64_t kInnermostSide = 4;

int64_t channels_at(const ContextEncoderOptions& options, int64_t side) {
  const int k = std::countr_zero(static_cast<uint64_t>(side / kInnermostSide));
  return std::max(options.base_channels, (8 * options.base_channels) >> k);
}

// Names layers hidden1, hidden2, ...
class Numbering {
 public:
  std::string next() { return "hidden" + std::to_string(++number_); }

 private:
  int number_ = 0;
};

struct Map {
  Value value;
  int64_t channels;
};

// Halves the map until it is 4 x 4.
Map add_encoder(Network& network, Numbering& number, const ContextEncoderOptions& options, int64_t side,
                Activation activation) {
  Map map{network.input(), options.image_channel};
  while (side > kInnermostSide) {
    side /= 2;
    const std::string name = number.next();
    const int64_t out = channels_at(options, side);
    const Value y = network.add<Conv2d>(map.value, name, map.channels, out);
    map = {network.add<BatchNorm>(y, name, out, activation), out};
  }
  return map;
}

void check(const ContextEncoderOptions& options) {
  INPAINT_CHECK(std::has_single_bit(static_cast<uint64_t>(options.image_size)) && options.image_size >= 16,
                "image_size {}", options.image_size);
  INPAINT_CHECK(options.image_channel >= 1 && options.base_channels >= 1 && options.bottleneck >= 1,
                "image_channel {}, base_channels {}, bottleneck {}", options.image_channel,
                options.base_channels, options.bottleneck);
}

}  // namespace

Network make_generator(const ContextEncoderOptions& options) {
  check(options);
  const int64_t side = options.image_size;
  Network network("generator", {side, side, options.image_channel});
  Numbering number;
  auto [x, channels] = add_encoder(network, number, options, side, Activation::kRelu);

  const Shape innermost{kInnermostSide, kInnermostSide, channels};
  std::string name = number.next();
  // The two linear layers hold nine tenths of the parameters.
  x = network.add<Linear>(x, name, innermost.elements(), Shape{options.bottleneck}, GradientUse::kHandOver);
  x = network.add<BatchNorm>(x, name, options.bottleneck, Activation::kRelu);
  name = number.next();
  x = network.add<Linear>(x, name, options.bottleneck, innermost, GradientUse::kHandOver);
  x = network.add<BiasActivation>(x, name, innermost.elements(), Activation::kNone);
  x = network.add<BatchNorm>(x, name, channels, Activation::kRelu, BatchNorm::Bias::kNone);

  for (int64_t out_side = 2 * kInnermostSide; out_side < side / 2; out_side *= 2) {
    name = number.next();
    const int64_t out = channels_at(options, out_side);
    x = network.add<ConvTranspose2d>(x, name, channels, out);
    x = network.add<BatchNorm>(x, name, out, Activation::kRelu);
    channels = out;
  }
  name = number.next();
  x = network.add<ConvTranspose2d>(x, name, channels, options.image_channel);
  network.add<BiasActivation>(x, name, options.image_channel, Activation::kTanh);
  return network;
}

Network make_discriminator(const ContextEncoderOptions& options) {
  check(options);
  const int64_t side = options.image_size / 2;
  Network network("discriminator", {side, side, options.image_channel});
  Numbering number;
  const Map map = add_encoder(network, number, options, side, Activation::kLeakyRelu);
  const std::string name = number.next();
  const Value score =
      network.add<Linear>(map.value, name, kInnermostSide * kInnermostSide * map.channels, Shape{1});
  network.add<BiasActivation>(score, name, int64_t{1}, Activation::kNone);
  return network;
}

}  // namespace inpaint
