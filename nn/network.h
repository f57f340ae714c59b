// A network is a chain of layers; a Pass is one forward through it, with what its backward needs.
#pragma once

#include <memory>
#include <vector>

#include "nn/layer.h"

namespace inpaint {

class Network;

// The memory of one pass, planned from shapes and allocated once: every layer's output and saved values, and
// two buffers the gradients travel through. A pass for inference keeps two layer outputs only.
class Pass {
 public:
  enum class Keep { kForBackward, kOutputOnly };

  // Plans the workspace of ctx too. `network` must outlive this object.
  Pass(Context& ctx, const Network& network, int64_t batch, DType dtype, Keep keep);

  // Another pass of the same network in the memory of `other`: it has an output and saved values of its own,
  // but a forward of either takes from the other what its backward needs.
  Pass(Context& ctx, const Network& network, const Pass& other);
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  Tensor output() const { return outputs_.back(); }  // of the last forward
  int64_t batch() const { return batch_; }
  int64_t bytes() const { return own_.arena.planned_bytes() + (shares_ ? 0 : inner_->arena.planned_bytes()); }

  // What the bytes() of `passes` such passes in one memory would be; allocates nothing.
  static int64_t planned_bytes(const Network& network, int64_t batch, DType dtype, Keep keep, int passes = 1);

 private:
  friend class Network;

  // What passes may share: the outputs of all layers but the last, and the pair of buffers.
  struct Inner {
    Arena arena;
    std::vector<int> outputs;      // by layer, places in the arena
    std::vector<int> gradients;    // by layer: of its input; the first layer has none
    const Pass* holder = nullptr;  // the pass whose forward was the last

    Inner(const Network& network, int64_t batch, DType dtype, Keep keep);
  };
  // What each has for itself.
  struct Own {
    Arena arena;
    int output;
    std::vector<std::vector<int>> saved;  // by layer

    Own(const Network& network, int64_t batch, DType dtype);
  };
  Pass(Context& ctx, const Network& network, int64_t batch, DType dtype, Keep keep,
       std::shared_ptr<Inner> inner, bool shares);

  int64_t batch_;
  DType dtype_;
  Keep keep_;
  std::shared_ptr<Inner> inner_;
  bool shares_;  // the memory of an earlier pass
  Own own_;
  Tensor input_;                            // of the last forward; a view
  std::vector<Tensor> outputs_;             // by layer
  std::vector<std::vector<Tensor>> saved_;  // by layer
};

class Network {
 public:
  // x: the shape of one example, without the batch axis: [rows, columns, channels].
  Network(std::string name, const Shape& x) : name_(std::move(name)), x_(x) {}
  Network(Network&&) = default;

  // Adds a layer behind the last; its parameters are declared in spec() under "<network>.<layer>".
  template <typename L, typename... Args>
  void add(const std::string& layer, Args&&... args) {
    layers_.push_back(std::make_unique<L>(*spec_, name_ + "." + layer, std::forward<Args>(args)...));
  }

  const std::string& name() const { return name_; }
  const ParameterSpec& spec() const { return *spec_; }
  const std::vector<std::unique_ptr<Layer>>& layers() const { return layers_; }
  Shape in_shape(int64_t batch) const { return {batch, x_[0], x_[1], x_[2]}; }
  int64_t product_flop(int64_t batch) const;  // of one forward pass
  // The most that an op of any layer needs, forward or backward.
  int64_t workspace_bytes(const Context& ctx, int64_t batch, DType dtype) const;
  // The most that an op needs of those that backward leaves on ParameterGrads::beside.
  int64_t weight_gradient_workspace_bytes(const Context& beside, int64_t batch, DType dtype) const;

  // Returns the last layer's output, which lives in the pass; x must stay as it is until backward has run.
  // `updates` is the branch on which weights may still be updated: it is joined before the first op that
  // reads one of them, or that overwrites what the update reads.
  Tensor forward(const Context& ctx, const Parameters& params, const Tensor& x, Statistics statistics,
                 Pass& pass, Branch* updates = nullptr) const;

  // Computes the gradients of this pass's last forward. That forward must have used Statistics::kBatch, and
  // no other pass may have used the shared memory since. dx (the input's gradient) is overwritten, skipped
  // when null; nothing of the pass that a second backward needs is changed.
  void backward(const Context& ctx, const Parameters& params, const Tensor& dy, const Tensor* dx,
                ParameterGrads grads, Pass& pass) const;

  // Moves all running averages by the batch statistics of the pass's last forward.
  void update_running(const Context& ctx, const Parameters& params, const Pass& pass) const;

 private:
  std::string name_;
  Shape x_;
  std::unique_ptr<ParameterSpec> spec_ = std::make_unique<ParameterSpec>();  // Parameters point at it
  std::vector<std::unique_ptr<Layer>> layers_;
};

}  // namespace inpaint
