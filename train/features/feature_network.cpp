#include "train/features/feature_network.h"

#include <algorithm>
#include <cmath>

#include "kernels/channel/bias_activation.h"
#include "kernels/channel/depthwise_conv2d.h"
#include "kernels/conv/conv2d.h"
#include "train/features/network_input.h"

namespace inpaint {
namespace {

constexpr int64_t kBlock = 16384;  // values of a loop that threads share

// What is read of the padded input: as much as the windows cover.
int64_t covered(const FeatureLayer& layer) { return (layer.size - 1) * layer.stride + layer.kernel; }

// Whether conv2d can read the input as it is.
bool is_covered(const FeatureLayer& layer) {
  return layer.pad_before == layer.pad_behind && layer.in_size + 2 * layer.pad_before == covered(layer);
}

Conv2dShape conv_shape(const FeatureLayer& layer) {
  const bool as_it_is = is_covered(layer);
  const int64_t size = as_it_is ? layer.in_size : covered(layer);
  return {1,
          size,
          size,
          layer.in_channels,
          layer.channels,
          {layer.kernel, layer.stride, as_it_is ? layer.pad_before : 0, 1}};
}

Shape output_shape(const FeatureLayer& layer) { return {1, layer.size, layer.size, layer.channels}; }

// x [1, H, H, c] with zeros around it, or without its last rows and columns: y [1, S, S, c], zeros before.
void pad(const Tensor& x, int64_t before, const Tensor& y) {
  const int64_t from = x.shape[1], to = y.shape[1], c = x.shape[3], count = std::min(from, to - before);
  for (int64_t row = 0; row < count; ++row)
    std::copy_n(x.as<float>() + row * from * c, count * c,
                y.as<float>() + ((row + before) * to + before) * c);
}

// [out, in, k, k] becomes [out, k, k, in]; a depthwise [c, 1, k, k] becomes [k, k, c].
void reorder(const FeatureLayer& layer, const float* from, float* to) {
  const int64_t in = layer.is_depthwise ? 1 : layer.in_channels, window = layer.kernel * layer.kernel;
  for (int64_t o = 0; o < layer.channels; ++o)
    for (int64_t i = 0; i < in; ++i)
      for (int64_t k = 0; k < window; ++k) {
        const float value = from[(o * in + i) * window + k];
        (layer.is_depthwise ? to[k * layer.channels + o] : to[(o * window + k) * in + i]) = value;
      }
}

FeatureMap unit_vectors(const Context& ctx, const Tensor& y) {
  FeatureMap map{y.shape[1] * y.shape[2], y.shape[3], {}};
  map.values.resize(static_cast<size_t>(y.elements()));
  ctx.parallel_blocks(map.pixels, 256, [&](int64_t begin, int64_t end, int) {
    for (int64_t pixel = begin; pixel < end; ++pixel) {
      const float* from = y.as<float>() + pixel * map.channels;
      float* to = map.values.data() + pixel * map.channels;
      double squares = 0;
      for (int64_t c = 0; c < map.channels; ++c) squares += static_cast<double>(from[c]) * from[c];
      const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
      for (int64_t c = 0; c < map.channels; ++c) to[c] = static_cast<float>(from[c] * scale);
    }
  });
  return map;
}

std::vector<double> means(const Tensor& y) {
  const int64_t channels = y.shape[3], pixels = y.elements() / channels;
  std::vector<double> sums(static_cast<size_t>(channels));
  for (int64_t pixel = 0; pixel < pixels; ++pixel)
    for (int64_t c = 0; c < channels; ++c)
      sums[static_cast<size_t>(c)] += static_cast<double>(y.as<float>()[pixel * channels + c]);
  for (double& sum : sums) sum /= static_cast<double>(pixels);
  return sums;
}

}  // namespace

FeatureNetwork::FeatureNetwork(Context& ctx, const std::filesystem::path& file)
    : ctx_(ctx), file_(file.string()) {
  const SafetensorsFile stored(file, SafetensorsFile::Checksum::kIfPresent);
  plan_ = read_feature_plan(stored);
  last_reader_.resize(plan_.layers.size());
  for (size_t i = 0; i < plan_.layers.size(); ++i) {
    const FeatureLayer& layer = plan_.layers[i];
    last_reader_[i] = i + 1;
    if (layer.addend) last_reader_[*layer.addend] = i;
    const int64_t in = layer.is_depthwise ? 1 : layer.in_channels;
    const Shape shape{layer.channels, in, layer.kernel, layer.kernel};
    Buffer read(shape.elements() * size_of(DType::kF32));
    Weights weights{Buffer(read.bytes()), Buffer(layer.channels * size_of(DType::kF32))};
    const Tensor weight = read.tensor(shape, DType::kF32),
                 bias = weights.bias.tensor({layer.channels}, DType::kF32);
    stored.read(layer.weight(), weight);
    stored.read(layer.bias(), bias);
    for (const Tensor& values : {weight, bias})
      if (!std::all_of(values.as<float>(), values.as<float>() + values.elements(),
                       [](float value) { return std::isfinite(value); }))
        user_error("{}: layer {} has a weight that is not finite; the file is no use", file_, layer.name);
    reorder(layer, weight.as<float>(), static_cast<float*>(weights.weight.data()));
    weights_.push_back(std::move(weights));
    if (!layer.is_depthwise)
      ctx.reserve_workspace(conv2d_workspace_bytes(ctx, conv_shape(layer), DType::kF32));
  }
}

void FeatureNetwork::run_layer(size_t number, const Tensor& x, const Tensor* addend, const Tensor& y) const {
  const FeatureLayer& layer = plan_.layers[number];
  const Weights& weights = weights_[number];
  if (layer.is_depthwise) {
    const Shape shape{layer.kernel, layer.kernel, layer.channels};
    depthwise_conv2d_forward(ctx_, {layer.stride, layer.pad_before}, x,
                             weights.weight.tensor(shape, DType::kF32), y);
  } else {
    const Conv2dShape shape = conv_shape(layer);
    const Tensor weight = weights.weight.tensor(shape.weight(), DType::kF32);
    Buffer padded;
    Tensor input = x;
    if (!is_covered(layer)) {
      padded = Buffer(shape.x().elements() * size_of(DType::kF32));
      input = padded.tensor(shape.x(), DType::kF32);
      pad(x, layer.pad_before, input);
    }
    conv2d_forward(ctx_, shape.window, input, weight, y);
  }
  const Tensor bias = weights.bias.tensor({layer.channels}, DType::kF32);
  bias_activation_forward(
      ctx_, y, bias, addend,
      layer.activation == FeatureActivation::kNone ? Activation::kNone : Activation::kRelu, y);
  if (layer.activation == FeatureActivation::kRelu6)
    ctx_.parallel_blocks(y.elements(), kBlock, [&](int64_t begin, int64_t end, int) {
      for (float* value = y.as<float>() + begin; value != y.as<float>() + end; ++value)
        *value = std::min(*value, 6.0f);
    });
}

PictureFeatures FeatureNetwork::features(const Tensor& picture) const {
  const Shape input_shape{1, plan_.size, plan_.size, plan_.channels};
  const auto buffer_of = [](const Shape& shape) { return Buffer(shape.elements() * size_of(DType::kF32)); };
  Buffer input = buffer_of(input_shape);
  Tensor x = input.tensor(input_shape, DType::kF32);
  make_network_input(ctx_, plan_, picture, x);

  PictureFeatures found;
  std::vector<Buffer> buffers(plan_.layers.size());
  for (size_t i = 0; i < plan_.layers.size(); ++i) {
    const FeatureLayer& layer = plan_.layers[i];
    const Shape shape = output_shape(layer);
    buffers[i] = buffer_of(shape);
    const Tensor y = buffers[i].tensor(shape, DType::kF32);
    Tensor addend;
    if (layer.addend) addend = buffers[*layer.addend].tensor(shape, DType::kF32);
    run_layer(i, x, layer.addend ? &addend : nullptr, y);
    if (layer.is_compared) found.compared.push_back(unit_vectors(ctx_, y));
    x = y;
    for (size_t before = 0; before < i; ++before)
      if (last_reader_[before] == i) buffers[before] = Buffer();
  }
  found.pooled = means(x);
  if (!std::ranges::all_of(found.pooled, [](double value) { return std::isfinite(value); }))
    user_error("{}: the network gives features that are not finite; its weights are no use", file_);
  return found;
}

}  // namespace inpaint
