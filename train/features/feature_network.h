// A network that knows pictures, given as a file, and run by our kernels on the CPU.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/device/buffer.h"
#include "core/device/context.h"
#include "train/features/feature_plan.h"

namespace inpaint {

// What a layer found in a picture: at each pixel a vector over the channels, of length 1 (of length 0 where
// the layer found nothing).
struct FeatureMap {
  int64_t pixels = 0, channels = 0;
  std::vector<float> values;  // [pixels, channels]
};

struct PictureFeatures {
  std::vector<FeatureMap> compared;  // of the layers that are compared, in their order
  std::vector<double> pooled;        // the last layer's mean over all pixels: dimension() values
};

class FeatureNetwork {
 public:
  // ctx: of the CPU; it has to outlive the network. UserError naming the file: what is wrong with it, and
  // which layer (read_feature_plan), or a weight that is not finite.
  FeatureNetwork(Context& ctx, const std::filesystem::path& file);

  const std::string& name() const { return plan_.name; }
  int64_t channels() const { return plan_.channels; }  // of the pictures: 1 takes no RGB
  int64_t dimension() const { return plan_.dimension(); }

  // picture u8 [1, H, W, C]. UserError when a feature is not finite.
  PictureFeatures features(const Tensor& picture) const;

 private:
  struct Weights {
    Buffer weight, bias;  // f32; conv [out, k, k, in], depthwise [k, k, c]
  };

  void run_layer(size_t number, const Tensor& x, const Tensor* addend, const Tensor& y) const;

  Context& ctx_;
  std::string file_;
  FeaturePlan plan_;
  std::vector<size_t> last_reader_;  // by layer: the last layer that reads its output
  std::vector<Weights> weights_;
};

}  // namespace inpaint
