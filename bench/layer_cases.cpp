#include "bench/layer_cases.h"

#include <algorithm>

#include "bench/layer_ops.h"
#include "nn/network.h"

namespace inpaint::bench {
namespace {

// How often a network's layers run in a step.
struct Runs {
  double forward, input_gradient, first_input_gradient, weight_gradient;
};

Runs generator_runs(const UpdateCounts& c) {
  const double g = c.gene_iter;
  return {std::max(g, c.disc_iter > 0 ? 1.0 : 0.0), g, 0, g};
}

// Forward: real and fake in each discriminator update, real once more for all of the generator's, fake
// in each.
Runs discriminator_runs(const UpdateCounts& c) {
  const double d = c.disc_iter, g = c.gene_iter;
  return {2 * d + (g > 0 ? 1 : 0) + g, 2 * d + g, g, 2 * d};
}

template <typename Op>
void add(std::vector<CaseMaker>& cases, const std::string& name, double runs, Op op) {
  if (runs == 0) return;
  cases.push_back({name, [=](Context& ctx) {
                     OpCase made = op(ctx);
                     made.name = name;
                     made.per_step = runs;
                     return made;
                   }});
}

// The cases of one layer, which reads x and writes y.
struct LayerCases {
  std::vector<CaseMaker>& cases;
  const Network& network;
  const std::string& name;
  const Runs& runs;
  double back;  // runs of the input's gradient
  Shape x, y;
  DType dtype;

  void operator()(const Conv2dDescription& conv) const {
    // A transposed one is the mirror of a convolution from y to x.
    const Shape &wide = conv.transposed ? y : x, &narrow = conv.transposed ? x : y;
    const Conv2dShape s{wide[0], wide[1], wide[2], wide[3], narrow[3], conv.window};
    add(cases, name + (conv.transposed ? "/input gradient" : "/forward"),
        conv.transposed ? back : runs.forward,
        [s, d = dtype](Context& c) { return conv2d_forward_case(c, s, d); });
    add(cases, name + (conv.transposed ? "/forward" : "/input gradient"),
        conv.transposed ? runs.forward : back,
        [s, d = dtype](Context& c) { return conv2d_backward_data_case(c, s, d); });
    add(cases, name + "/weight gradient", runs.weight_gradient,
        [s, d = dtype](Context& c) { return conv2d_backward_weight_case(c, s, d); });
  }

  void operator()(const SpectralConv2dDescription& conv) const {
    (*this)(Conv2dDescription{conv.window, false, conv.weight});
  }

  void operator()(const LinearDescription& linear) const {
    const LinearShape s{x[0], x.elements() / x[0], y.elements() / x[0]};
    add(cases, name + "/forward", runs.forward,
        [s, d = dtype](Context& c) { return linear_forward_case(c, s, d); });
    add(cases, name + "/input gradient", back,
        [s, d = dtype](Context& c) { return linear_backward_data_case(c, s, d); });
    if (network.spec().info(linear.weight).gradient == GradientUse::kHandOver)
      add(cases, name + "/weight update", runs.weight_gradient,
          [s, d = dtype](Context& c) { return linear_adam_case(c, s, d); });
    else
      add(cases, name + "/weight gradient", runs.weight_gradient,
          [s, d = dtype](Context& c) { return linear_backward_weight_case(c, s, d); });
  }

  void operator()(const BatchNormDescription& norm) const {
    const Shape rows{x.rows(), x.back()};
    const Activation act = norm.activation;
    add(cases, name + ".bn/statistics", runs.forward,
        [rows, d = dtype](Context& c) { return batch_norm_statistics_case(c, rows, d); });
    add(cases, name + ".bn/forward", runs.forward,
        [rows, act, d = dtype](Context& c) { return batch_norm_forward_case(c, rows, act, d); });
    add(cases, name + ".bn/backward", back,
        [rows, act, d = dtype](Context& c) { return batch_norm_backward_case(c, rows, act, d); });
  }

  void operator()(const GroupNormDescription& norm) const {
    const Activation act = norm.activation;
    add(cases, name + "/forward", runs.forward,
        [in = x, act, d = dtype](Context& c) { return group_norm_forward_case(c, in, act, d); });
    add(cases, name + "/backward", back,
        [in = x, act, d = dtype](Context& c) { return group_norm_backward_case(c, in, act, d); });
  }

  void operator()(const BiasActivationDescription& bias) const {
    const Shape rows{x.elements() / bias.values, bias.values};
    const Activation act = bias.activation;
    add(cases, name + ".bias/forward", runs.forward,
        [rows, act, d = dtype](Context& c) { return bias_activation_forward_case(c, rows, act, d); });
    add(cases, name + ".bias/backward", back,
        [rows, act, d = dtype](Context& c) { return bias_activation_backward_case(c, rows, act, d); });
  }
};

void add_network(std::vector<CaseMaker>& cases, const Network& network, const Runs& runs, int64_t batch,
                 DType dtype) {
  const Shape input = network.in_shape(batch);
  const std::vector<Shape> shapes = network.output_shapes(input);
  for (size_t i = 0; i < shapes.size(); ++i) {
    const Network::Node& node = network.nodes()[i];
    const bool first = node.from.is_input();
    const LayerCases layer{.cases = cases,
                           .network = network,
                           .name = node.layer->name(),
                           .runs = runs,
                           .back = first ? runs.first_input_gradient : runs.input_gradient,
                           .x = first ? input : shapes[static_cast<size_t>(node.from.node)],
                           .y = shapes[i],
                           .dtype = dtype};
    std::visit(layer, node.layer->describe());
  }
}

}  // namespace

std::vector<CaseMaker> layer_cases(const ContextEncoderOptions& options, int64_t batch, DType dtype,
                                   const UpdateCounts& counts) {
  std::vector<CaseMaker> cases;
  add_network(cases, make_generator(options), generator_runs(counts), batch, dtype);
  add_network(cases, make_discriminator(options), discriminator_runs(counts), batch, dtype);
  return cases;
}

}  // namespace inpaint::bench
