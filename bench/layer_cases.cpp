#include "bench/layer_cases.h"

#include <algorithm>

#include "bench/layer_ops.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/bias_activation.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/conv_transpose2d.h"
#include "nn/layers/linear.h"

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

bool hands_over_gradient(const Network& network, const std::string& weight) {
  const auto& weights = network.spec().list(ParameterId::Kind::kWeight);
  return std::ranges::find(weights, weight, &ParameterInfo::name)->gradient == GradientUse::kHandOver;
}

void add_network(std::vector<CaseMaker>& cases, const Network& network, const Runs& runs, int64_t batch,
                 DType dtype) {
  Shape x = network.in_shape(batch);
  for (const auto& layer : network.layers()) {
    const Shape y = layer->out_shape(x);
    const bool first = layer == network.layers().front();
    const double back = first ? runs.first_input_gradient : runs.input_gradient;
    const std::string& name = layer->name();
    if (dynamic_cast<const Conv2d*>(layer.get()) != nullptr) {
      const Conv2dShape s{x[0], x[1], x[2], x[3], y[3]};
      add(cases, name + "/forward", runs.forward,
          [=](Context& c) { return conv2d_forward_case(c, s, dtype); });
      add(cases, name + "/input gradient", back,
          [=](Context& c) { return conv2d_backward_data_case(c, s, dtype); });
      add(cases, name + "/weight gradient", runs.weight_gradient,
          [=](Context& c) { return conv2d_backward_weight_case(c, s, dtype); });
    } else if (dynamic_cast<const ConvTranspose2d*>(layer.get()) != nullptr) {
      // The mirror of a convolution from y to x.
      const Conv2dShape s{y[0], y[1], y[2], y[3], x[3]};
      add(cases, name + "/forward", runs.forward,
          [=](Context& c) { return conv2d_backward_data_case(c, s, dtype); });
      add(cases, name + "/input gradient", back,
          [=](Context& c) { return conv2d_forward_case(c, s, dtype); });
      add(cases, name + "/weight gradient", runs.weight_gradient,
          [=](Context& c) { return conv2d_backward_weight_case(c, s, dtype); });
    } else if (dynamic_cast<const Linear*>(layer.get()) != nullptr) {
      const LinearShape s{batch, x.elements() / batch, y.elements() / batch};
      add(cases, name + "/forward", runs.forward,
          [=](Context& c) { return linear_forward_case(c, s, dtype); });
      add(cases, name + "/input gradient", back,
          [=](Context& c) { return linear_backward_data_case(c, s, dtype); });
      if (hands_over_gradient(network, name + ".weight"))
        add(cases, name + "/weight update", runs.weight_gradient,
            [=](Context& c) { return linear_adam_case(c, s, dtype); });
      else
        add(cases, name + "/weight gradient", runs.weight_gradient,
            [=](Context& c) { return linear_backward_weight_case(c, s, dtype); });
    } else if (dynamic_cast<const BatchNorm*>(layer.get()) != nullptr) {
      const Shape rows{x.elements() / x[x.rank() - 1], x[x.rank() - 1]};
      const Activation act = network.name() == "generator" ? Activation::kRelu : Activation::kLeakyRelu;
      add(cases, name + ".bn/statistics", runs.forward,
          [=](Context& c) { return batch_norm_statistics_case(c, rows, dtype); });
      add(cases, name + ".bn/forward", runs.forward,
          [=](Context& c) { return batch_norm_forward_case(c, rows, act, dtype); });
      add(cases, name + ".bn/backward", back,
          [=](Context& c) { return batch_norm_backward_case(c, rows, act, dtype); });
    } else if (dynamic_cast<const BiasActivation*>(layer.get()) != nullptr) {
      // A picture's channels and tanh behind the last; one value per feature elsewhere.
      const bool last = layer == network.layers().back();
      const int64_t values = last ? y[y.rank() - 1] : y.elements() / batch;
      const Activation act = last && network.name() == "generator" ? Activation::kTanh : Activation::kNone;
      const Shape rows{x.elements() / values, values};
      add(cases, name + ".bias/forward", runs.forward,
          [=](Context& c) { return bias_activation_forward_case(c, rows, act, dtype); });
      add(cases, name + ".bias/backward", back,
          [=](Context& c) { return bias_activation_backward_case(c, rows, act, dtype); });
    }
    x = y;
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
