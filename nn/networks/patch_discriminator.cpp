#include "nn/networks/patch_discriminator.h"

#include <iterator>
#include <string>

#include "nn/layers/bias_activation.h"
#include "nn/layers/spectral_conv2d.h"

namespace inpaint {
namespace {

constexpr Conv2dWindow kWindows[] = {kHalving, kHalving, kHalving, {3, 1, 1, 1}};
constexpr int kLayers = std::size(kWindows);

}  // namespace

Network make_patch_discriminator(const PatchDiscriminatorOptions& options) {
  const int64_t side = options.image_size;
  INPAINT_CHECK(side > 0 && side % patch_field().stride == 0 && options.base_channels >= 1,
                "image_size {}, base_channels {}", side, options.base_channels);
  Network network("discriminator", {side, side, options.image_channel + 1});
  Value x = network.input();
  int64_t in = options.image_channel + 1;
  for (int i = 0; i < kLayers; ++i) {
    const bool is_last = i + 1 == kLayers;
    const std::string name = fmt::format("hidden{}", i + 1);
    const int64_t out = is_last ? 1 : options.base_channels << i;
    const int64_t kernel = kWindows[i].kernel;
    // The norm divides by a weight's size, which decides how far one update of Adam turns it.
    x = network.add<SpectralConv2d>(x, name, in, out, kWindows[i], he_normal(kernel * kernel * in));
    x = network.add<BiasActivation>(x, name, out, is_last ? Activation::kNone : Activation::kLeakyRelu);
    in = out;
  }
  return network;
}

std::vector<Value> patch_features(const Network& discriminator) {
  std::vector<Value> features;
  for (int node = 1; node + 2 < static_cast<int>(discriminator.nodes().size()); node += 2)
    features.push_back({node});
  return features;
}

// From the last layer to the first: a window sees `kernel` of its pixels, and each of those a field of the
// layer before.
PatchField patch_field() {
  PatchField field{1, 1, 0};
  for (int i = kLayers; i-- > 0;) {
    const Conv2dWindow& w = kWindows[i];
    field = {(field.size - 1) * w.stride + w.kernel, field.stride * w.stride, field.first * w.stride - w.pad};
  }
  return field;
}

}  // namespace inpaint
