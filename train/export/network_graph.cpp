#include "train/export/network_graph.h"

#include <algorithm>

#include "train/checkpoint/model_state.h"

namespace inpaint {
namespace {

using OnnxValue = OnnxGraph::Value;
using Ints = OnnxGraph::Ints;

OnnxValue with_activation(OnnxGraph& g, Activation activation, const OnnxValue& x) {
  switch (activation) {
    case Activation::kNone:
      break;
    case Activation::kRelu:
      return g.op("Relu", {x});
    case Activation::kLeakyRelu:
      return g.op("LeakyRelu", {x}, {{"alpha", kLeakySlope}});
    case Activation::kTanh:
      return g.op("Tanh", {x});
  }
  return x;
}

// The network's parameters as initializers.
class Weights {
 public:
  Weights(OnnxGraph& graph, const Context& ctx, const Parameters& params)
      : graph_(graph), ctx_(ctx), params_(params) {}

  // In the checkpoint's layout.
  OnnxValue operator()(ParameterId id) const { return add(id, values(id), extents(id)); }

  // A value per channel, for features [N, channels, rows, columns] or [N, features].
  OnnxValue per_channel(ParameterId id, int rank) const {
    const int64_t count = info(id).shape.elements();
    return add(id, values(id), rank == 4 ? Ints{count, 1, 1} : Ints{count});
  }

  // A value per feature of y [N, rows, columns, channels], whose order it is in.
  OnnxValue per_feature(ParameterId id, const Shape& y) const {
    const std::vector<float> ours = values(id);
    std::vector<float> theirs;
    const int64_t pixels = y[1] * y[2];
    for (int64_t c = 0; c < y[3]; ++c)
      for (int64_t pixel = 0; pixel < pixels; ++pixel)
        theirs.push_back(ours[static_cast<size_t>(pixel * y[3] + c)]);
    return add(id, theirs, {y[3], y[1], y[2]});
  }

 private:
  const ParameterInfo& info(ParameterId id) const { return params_.spec().info(id); }

  Ints extents(ParameterId id) const {
    const Shape shape = checkpoint_shape(info(id));
    Ints all;
    for (int axis = 0; axis < shape.rank(); ++axis) all.push_back(shape[axis]);
    return all;
  }

  std::vector<float> values(ParameterId id) const {
    const Shape shape = checkpoint_shape(info(id));
    const Buffer buffer(shape.elements() * size_of(params_.dtype()));
    const Tensor tensor = buffer.tensor(shape, params_.dtype());
    capture_parameter(ctx_, params_, id, tensor);
    std::vector<float> floats(static_cast<size_t>(shape.elements()));
    visit_real(params_.dtype(), [&]<typename T>(T) {
      std::transform(tensor.as<T>(), tensor.as<T>() + shape.elements(), floats.begin(),
                     [](T value) { return static_cast<float>(value); });
    });
    return floats;
  }

  OnnxValue add(ParameterId id, const std::vector<float>& floats, const Ints& shape) const {
    return graph_.weight(info(id).name, floats, shape);
  }

  OnnxGraph& graph_;
  const Context& ctx_;
  const Parameters& params_;
};

// Adds the nodes of one layer: called with its description.
struct LayerNodes {
  OnnxGraph& g;
  const Weights& weights;
  OnnxValue x, addend;     // addend: "" for none
  Shape x_shape, y_shape;  // ours, [N, rows, columns, channels] or [N, features]

  OnnxValue operator()(const Conv2dDescription& conv) const {
    const Conv2dWindow& w = conv.window;
    return g.op(conv.transposed ? "ConvTranspose" : "Conv", {x, weights(conv.weight)},
                {{"kernel_shape", Ints{w.kernel, w.kernel}},
                 {"strides", Ints{w.stride, w.stride}},
                 {"pads", Ints{w.pad, w.pad, w.pad, w.pad}},
                 {"dilations", Ints{w.dilation, w.dilation}}});
  }

  OnnxValue operator()(const SpectralConv2dDescription&) const {
    throw Error("a discriminator has no place in an exported model");
  }

  // Features count row by row, column by column, channel by channel.
  OnnxValue operator()(const LinearDescription& linear) const {
    OnnxValue from = x;
    if (x_shape.rank() == 4) {
      from = g.op("Transpose", {from}, {{"perm", Ints{0, 2, 3, 1}}});
      from = g.op("Reshape", {from, g.ints({0, -1})});
    }
    const OnnxValue y = g.op("Gemm", {from, weights(linear.weight)}, {{"transB", int64_t{1}}});
    if (y_shape.rank() == 2) return y;
    const OnnxValue map = g.op("Reshape", {y, g.ints({0, y_shape[1], y_shape[2], y_shape[3]})});
    return g.op("Transpose", {map}, {{"perm", Ints{0, 3, 1, 2}}});
  }

  OnnxValue operator()(const BatchNormDescription& norm) const {
    const OnnxValue biased = norm.bias ? g.add(x, weights.per_channel(*norm.bias, x_shape.rank())) : x;
    return activated(norm.activation, g.op("BatchNormalization",
                                           {biased, weights(norm.gamma), weights(norm.beta),
                                            weights(norm.running_mean), weights(norm.running_variance)},
                                           {{"epsilon", norm.epsilon}}));
  }

  OnnxValue operator()(const BiasActivationDescription& bias) const {
    const bool channels = bias.values == y_shape.back();
    const OnnxValue values =
        channels ? weights.per_channel(bias.bias, y_shape.rank()) : weights.per_feature(bias.bias, y_shape);
    return activated(bias.activation, with_addend(g.add(x, values)));
  }

  OnnxValue operator()(const GroupNormDescription& norm) const {
    const auto groups = static_cast<size_t>(norm.groups);
    const OnnxValue rows = g.op("Reshape", {x, g.ints({0, norm.groups, -1})});
    const OnnxValue normed = g.op("InstanceNormalization",
                                  {rows, g.floats(std::vector<float>(groups, 1), {norm.groups}),
                                   g.floats(std::vector<float>(groups, 0), {norm.groups})},
                                  {{"epsilon", norm.epsilon}});
    const OnnxValue map = g.op("Reshape", {normed, g.op("Shape", {x})});
    const int rank = x_shape.rank();
    return activated(norm.activation, with_addend(g.add(g.mul(map, weights.per_channel(norm.gamma, rank)),
                                                        weights.per_channel(norm.beta, rank))));
  }

 private:
  OnnxValue with_addend(const OnnxValue& value) const {
    return addend.empty() ? value : g.add(value, addend);
  }
  OnnxValue activated(Activation activation, const OnnxValue& value) const {
    return with_activation(g, activation, value);
  }
};

}  // namespace

OnnxValue add_network(OnnxGraph& graph, const Context& ctx, const Network& network, const Parameters& params,
                      const OnnxValue& x) {
  const Shape in = network.in_shape(1);
  const std::vector<Shape> shapes = network.output_shapes(in);
  const Weights weights(graph, ctx, params);
  std::vector<OnnxValue> values;
  const auto value = [&](Value of) { return of.is_input() ? x : values[static_cast<size_t>(of.node)]; };
  for (size_t i = 0; i < shapes.size(); ++i) {
    const Network::Node& node = network.nodes()[i];
    const LayerNodes layer{.g = graph,
                           .weights = weights,
                           .x = value(node.from),
                           .addend = node.addend ? value(*node.addend) : "",
                           .x_shape = node.from.is_input() ? in : shapes[static_cast<size_t>(node.from.node)],
                           .y_shape = shapes[i]};
    values.push_back(std::visit(layer, node.layer->describe()));
  }
  return values.back();
}

}  // namespace inpaint
