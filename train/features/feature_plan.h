// The layers of a feature network, as its file describes them: a chain of convolutions, with sums of earlier
// outputs. The format, a safetensors file with a JSON text, stands in docs/file-formats.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/file/safetensors.h"

namespace inpaint {

inline constexpr const char* kFeatureNetworkKey = "feature_network";  // of the file's metadata

enum class FeatureActivation { kNone, kRelu, kRelu6 };

// y = activation(convolution(x) + bias + the output of an earlier layer), x the output of the layer before.
struct FeatureLayer {
  std::string name;
  bool is_depthwise = false;
  int64_t kernel = 0, stride = 1;
  int64_t pad_before = 0, pad_behind = 0;  // pixels of zeros on the left and above; on the right and below
  FeatureActivation activation = FeatureActivation::kNone;
  std::optional<size_t> addend = {};                             // the layer whose output is added
  bool is_compared = false;                                      // by the perceptual distance
  int64_t in_size = 0, in_channels = 0, size = 0, channels = 0;  // of x and y, [1, size, size, channels]

  // The tensors of the file, as PyTorch has them: [out, in or 1, k, k] and [out].
  std::string weight() const { return name + ".weight"; }
  std::string bias() const { return name + ".bias"; }
};

struct FeaturePlan {
  std::string name;                     // of the network
  int64_t size = 0, channels = 0;       // of the pictures that it takes
  std::vector<double> mean, deviation;  // by channel: x = (byte - mean) / deviation
  std::vector<FeatureLayer> layers;     // at least one; at least one is compared

  // Values of the last layer's mean over all pixels: what the Frechet distance is made of.
  int64_t dimension() const { return layers.back().channels; }
};

// Checks all that the header says, before any memory is taken: names, shapes, and limits of size and work.
// UserError naming the file and the layer.
FeaturePlan read_feature_plan(const SafetensorsFile& file);

}  // namespace inpaint
