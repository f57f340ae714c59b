// A network in double with random parameters, input and output gradient, and its gradients beside directional
// derivatives of a loss.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "core/base/philox.h"
#include "kernels/linear/linear.h"
#include "kernels/random/random_fill.h"
#include "nn/pass.h"

namespace inpaint {

// Stores the gradients that are handed over, so that a test can look at them.
class StoringSink final : public GradientSink {
 public:
  explicit StoringSink(const ParameterSpec& spec) : spec_(spec) {}

  void linear(const Context& ctx, ParameterId weight, const Tensor& x, const Tensor& dy) override {
    const Shape& shape = spec_.info(weight).shape;
    Buffer& memory = memory_[weight.index];
    if (memory.bytes() == 0) memory = Buffer(shape.elements() * size_of(DType::kF64));
    linear_backward_weight(ctx, x, dy, memory.tensor(shape, DType::kF64), GradMode::kOverwrite);
  }
  Tensor gradient(ParameterId weight) const {
    return memory_.at(weight.index).tensor(spec_.info(weight).shape, DType::kF64);
  }

 private:
  const ParameterSpec& spec_;
  std::map<size_t, Buffer> memory_;
};

struct NetworkCase {
  Context ctx{2, MatrixBackend::kEigen};
  Network network;
  Parameters params;
  StoringSink sink;
  Pass pass;
  Buffer x, dy, dx;
  int64_t batch;
  std::vector<GradientTap> taps;

  NetworkCase(Network n, int64_t batch_size, HandedOver handed_over = HandedOver::kNotStored)
      : network(std::move(n)),
        params(network.spec(), DType::kF64, Parameters::Use::kTraining, Device::kCpu, handed_over),
        sink(network.spec()),
        pass(ctx, network, network.in_shape(batch_size), DType::kF64, Pass::Keep::kForBackward),
        batch(batch_size) {
    // Deviation 0.5 rather than 0.02, so that no gradient is negligible.
    fill_normal(ctx, Philox(11, RandomStream::kInitialValues), 0.5, params.values());
    const Shape in = network.in_shape(batch), out = pass.output().shape;
    x = Buffer(in.elements() * 8);
    dx = Buffer(in.elements() * 8);
    dy = Buffer(out.elements() * 8);
    fill_normal(ctx, Philox(12, RandomStream::kInitialValues), 1.0, input());
    fill_normal(ctx, Philox(13, RandomStream::kInitialValues), 1.0, doutput());
  }

  Tensor input() const { return x.tensor(network.in_shape(batch), DType::kF64); }
  Tensor dinput() const { return dx.tensor(network.in_shape(batch), DType::kF64); }
  Tensor doutput() const { return dy.tensor(pass.output().shape, DType::kF64); }

  // From now on the loss has a term for this inner value too: the sum of its elements, each times the sine of
  // its number.
  void tap(Value value) {
    taps.push_back({value, [](const Tensor& gradient) {
                      for (int64_t i = 0; i < gradient.elements(); ++i)
                        gradient.as<double>()[i] += std::sin(static_cast<double>(i));
                    }});
  }

  double loss() {  // <dy, network(x)>, and what is tapped
    const Tensor y = network.forward(ctx, params, input(), Statistics::kBatch, pass);
    double sum = 0;
    for (int64_t i = 0; i < y.elements(); ++i) sum += y.as<double>()[i] * doutput().as<double>()[i];
    for (const GradientTap& tap : taps) {
      const Tensor value = pass.output_of(tap.value);
      for (int64_t i = 0; i < value.elements(); ++i)
        sum += value.as<double>()[i] * std::sin(static_cast<double>(i));
    }
    return sum;
  }

  void backward(ParameterGrads::Mode mode) {
    loss();
    const Tensor din = dinput();
    network.backward(ctx, params, doutput(), &din, {mode, &sink}, pass, taps);
  }

  Tensor gradient(ParameterId id) const {
    return params.stores_grad(id) ? params.grad(id) : sink.gradient(id);
  }
};

// Central difference of the loss when `values` moves along `direction`.
inline double directional_derivative(NetworkCase& c, const Tensor& values,
                                     const std::vector<double>& direction) {
  constexpr double kStep = 1e-8;  // so small that hardly ever an activation crosses its kink
  const auto move = [&](double by) {
    for (size_t i = 0; i < direction.size(); ++i) values.as<double>()[i] += by * direction[i];
  };
  move(kStep);
  const double plus = c.loss();
  move(-2 * kStep);
  const double minus = c.loss();
  move(kStep);
  return (plus - minus) / (2 * kStep);
}

inline void check_gradient(NetworkCase& c, const Tensor& values, const Tensor& grad, uint64_t seed,
                           const std::string& what) {
  std::vector<double> direction(static_cast<size_t>(values.elements()));
  double expected = 0, size = 0;
  for (size_t i = 0; i < direction.size(); ++i) {
    direction[i] = Philox(seed, RandomStream::kShuffle).normal(i);
    expected += direction[i] * grad.as<double>()[i];
    size += std::abs(direction[i] * grad.as<double>()[i]);
  }
  const double got = directional_derivative(c, values, direction);
  INFO(what << ": difference quotient " << got << ", <gradient, direction> " << expected);
  // Rounding of the loss (about 1e-14 of its terms) divided by the step; the truncation is far below.
  CHECK(std::abs(got - expected) <= 1e-5 * (size + 1));
}

inline void check_all_gradients(NetworkCase& c) {
  c.backward(ParameterGrads::kOverwrite);
  check_gradient(c, c.input(), c.dinput(), 100, "input");
  uint64_t seed = 0;
  for (const auto kind : {ParameterId::Kind::kWeight, ParameterId::Kind::kOther})
    for (size_t i = 0; i < c.network.spec().list(kind).size(); ++i)
      check_gradient(c, c.params.value({kind, i}), c.gradient({kind, i}), ++seed,
                     c.network.spec().list(kind)[i].name);
}
inline void check_all_gradients(Network network) {
  NetworkCase c(std::move(network), 5);
  check_all_gradients(c);
}

}  // namespace inpaint
