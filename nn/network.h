// A network is a graph of layers without autograd: a list in which each layer reads values that were made
// before it. A chain is the special case. Backward walks the list from its end to its beginning, and sums the
// gradients of a value that several layers read in the order of that walk.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "nn/layer.h"

namespace inpaint {

class Pass;

// A value of a network: its input, or the output of the layer with this number.
struct Value {
  int node = kInput;

  static constexpr int kInput = -1;
  bool is_input() const { return node == kInput; }
  friend bool operator==(const Value&, const Value&) = default;
};

// Where the caller of a backward adds the gradient of a loss of its own: at an inner value of the network.
struct GradientTap {
  Value value;
  // gradient, of the value's shape and the activations' type, holds what the layers that read the value have
  // made. What is added to it goes into the backward of the layer that made the value.
  std::function<void(const Tensor& gradient)> add;
};

class Network {
 public:
  struct Node {
    std::unique_ptr<Layer> layer;
    Value from;
    std::optional<Value> addend;          // of a layer that takes one
    bool is_read_by_handed_over = false;  // by a layer that hands its gradient over, later
  };

  // x: the shape of one example, without the batch axis: [rows, columns, channels].
  Network(std::string name, const Shape& x) : name_(std::move(name)), x_(x) {}
  Network(Network&&) = default;

  Value input() const { return {}; }

  // Adds a layer that reads `from`; its parameters are declared in spec() under "<network>.<layer>". The
  // last layer's output is the network's; every other output must be read by a later layer.
  template <typename L, typename... Args>
  Value add(Value from, const std::string& layer, Args&&... args) {
    return add_node(make_layer<L>(layer, std::forward<Args>(args)...), from, std::nullopt);
  }
  // The same for a layer that takes an addend: a skip, or the trunk of a residual block.
  template <typename L, typename... Args>
  Value add_sum(Value from, Value addend, const std::string& layer, Args&&... args) {
    return add_node(make_layer<L>(layer, std::forward<Args>(args)...), from, addend);
  }

  const std::string& name() const { return name_; }
  const ParameterSpec& spec() const { return *spec_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  Shape in_shape(int64_t batch) const { return {batch, x_[0], x_[1], x_[2]}; }

  // For an input x [N, rows, columns, channels]; the rows and columns may be others than those of in_shape().
  // ShapeError where a layer does not take its input.
  std::vector<Shape> output_shapes(const Shape& x) const;  // of every node
  int64_t product_flop(const Shape& x) const;              // of one forward pass
  // The most that an op of any layer needs, forward or backward.
  int64_t workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const;
  // The most that an op needs of those that backward leaves on ParameterGrads::beside.
  int64_t weight_gradient_workspace_bytes(const Context& beside, const Shape& x, DType dtype) const;

  // Returns the last layer's output, which lives in the pass; x must stay as it is until backward has run.
  // `updates` is the branch on which weights may still be updated: it is joined before the first op that
  // reads one of them, or that overwrites what the update reads.
  Tensor forward(const Context& ctx, const Parameters& params, const Tensor& x, Statistics statistics,
                 Pass& pass, Branch* updates = nullptr) const;

  // Computes the gradients of this pass's last forward. That forward must have used Statistics::kBatch, and
  // no other pass may have used the shared memory since. dx (the input's gradient) is overwritten, skipped
  // when null; nothing of the pass that a second backward needs is changed. taps: of outputs of layers, but
  // not of the last.
  void backward(const Context& ctx, const Parameters& params, const Tensor& dy, const Tensor* dx,
                ParameterGrads grads, Pass& pass, std::span<const GradientTap> taps = {}) const;

  // Moves all running averages by the batch statistics of the pass's last forward, and what else runs along
  // to what that forward saved.
  void update_running(const Context& ctx, const Parameters& params, const Pass& pass) const;

 private:
  template <typename L, typename... Args>
  std::unique_ptr<Layer> make_layer(const std::string& layer, Args&&... args) {
    return std::make_unique<L>(*spec_, name_ + "." + layer, std::forward<Args>(args)...);
  }
  Value add_node(std::unique_ptr<Layer> layer, Value from, std::optional<Value> addend);
  template <typename F>
  int64_t most_workspace_bytes(const Context& ctx, const Shape& x, DType dtype, F&& counts) const;

  std::string name_;
  Shape x_;
  std::unique_ptr<ParameterSpec> spec_ = std::make_unique<ParameterSpec>();  // Parameters point at it
  std::vector<Node> nodes_;
};

}  // namespace inpaint
