#include "nn/networks/harmonic_unet.h"

#include "nn/layers/bias_activation.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/conv_transpose2d.h"
#include "nn/layers/group_norm.h"

namespace inpaint {
namespace {

constexpr int64_t kGroupChannels = 16;
constexpr Activation kActivation = Activation::kLeakyRelu;
constexpr int64_t kDilations[] = {1, 2, 4, 1};
// The second convolution of a residual block starts small, so that a block starts close to doing nothing.
constexpr double kBlockShrink = 0.1;

constexpr Conv2dWindow same(int64_t dilation) { return {3, 1, dilation, dilation}; }

class Builder {
 public:
  explicit Builder(Network& network) : network_(network) {}

  Value norm(Value x, const std::string& name, int64_t channels) {
    return network_.add<GroupNorm>(x, name, channels, channels / kGroupChannels, kActivation);
  }
  Value norm_sum(Value x, Value skip, const std::string& name, int64_t channels) {
    return network_.add_sum<GroupNorm>(x, skip, name, channels, channels / kGroupChannels, kActivation);
  }
  Value conv(Value x, const std::string& name, int64_t in, int64_t out, const Conv2dWindow& window) {
    return network_.add<Conv2d>(x, name, in, out, window, he_normal(window.kernel * window.kernel * in));
  }
  // An output pixel of the transposed convolution sees 2 x 2 input pixels.
  Value up(Value x, const std::string& name, int64_t in, int64_t out) {
    return network_.add<ConvTranspose2d>(x, name, in, out, he_normal(4 * in));
  }
  Value block(Value x, const std::string& name, int64_t channels, int64_t dilation) {
    Value h = conv(x, name + ".conv1", channels, channels, same(dilation));
    h = norm(h, name + ".norm", channels);
    InitialValues small = he_normal(9 * channels);
    small.deviation *= kBlockShrink;
    h = network_.add<Conv2d>(h, name + ".conv2", channels, channels, same(1), small);
    return network_.add_sum<BiasActivation>(h, x, name + ".conv2", channels, Activation::kNone);
  }

 private:
  Network& network_;
};

void check(const HarmonicUnetOptions& options) {
  INPAINT_CHECK(options.levels.size() >= 2 && options.image_size % options.multiple() == 0,
                "image_size {} for {} levels", options.image_size, options.levels.size());
  for (const HarmonicUnetOptions::Level& level : options.levels)
    INPAINT_CHECK(level.channels >= kGroupChannels && level.channels % kGroupChannels == 0, "{} channels",
                  level.channels);
}

}  // namespace

Network make_harmonic_unet(const HarmonicUnetOptions& options) {
  check(options);
  const auto& levels = options.levels;
  const size_t innermost = levels.size() - 1;
  Network network("generator", {options.image_size, options.image_size, options.image_channel + 1});
  Builder build(network);

  std::vector<Value> skips;
  Value x = network.input();
  for (size_t k = 0; k <= innermost; ++k) {
    const std::string name = fmt::format("encoder{}", k);
    const int64_t in = k == 0 ? options.image_channel + 1 : levels[k - 1].channels, out = levels[k].channels;
    x = build.norm(build.conv(x, name + ".conv", in, out, k == 0 ? same(1) : kHalving), name + ".norm", out);
    for (int b = 0; b < levels[k].encoder_blocks; ++b) {
      const int64_t dilation = k == innermost ? kDilations[b % 4] : 1;
      x = build.block(x, fmt::format("{}.block{}", name, b), out, dilation);
    }
    skips.push_back(x);
  }
  x = build.norm(x, "innermost.norm", levels[innermost].channels);
  for (size_t k = innermost; k-- > 0;) {
    const std::string name = fmt::format("decoder{}", k);
    const int64_t in = levels[k + 1].channels, out = levels[k].channels;
    x = build.norm_sum(build.up(x, name + ".conv", in, out), skips[k], name + ".norm", out);
    for (int b = 0; b < levels[k].decoder_blocks; ++b)
      x = build.block(x, fmt::format("{}.block{}", name, b), out, 1);
  }
  x = network.add<Conv2d>(x, "last", levels[0].channels, options.image_channel, same(1),
                          InitialValues::kZero);
  network.add<BiasActivation>(x, "last", options.image_channel, Activation::kNone);
  return network;
}

}  // namespace inpaint
