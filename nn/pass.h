// A Pass is one forward through a network, with what its backward needs.
#pragma once

#include <memory>
#include <vector>

#include "nn/network.h"
#include "nn/pass_plan.h"

namespace inpaint {

// The memory of one pass, planned from shapes and allocated once: the layers' outputs and saved values, and
// slots for the gradients. A pass for inference keeps an output only until its last reader has run.
class Pass {
 public:
  enum class Keep { kForBackward, kOutputOnly };

  // x: the shape of the input. Plans the workspace of ctx too. `network` must outlive this object.
  Pass(Context& ctx, const Network& network, const Shape& x, DType dtype, Keep keep);

  // Another pass of the same network in the memory of `other`: it has an output and saved values of its own,
  // but a forward of either takes from the other what its backward needs.
  Pass(Context& ctx, const Network& network, const Pass& other);
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  // From now on batch norms take their statistics over the pictures of all ranks, which outlive this pass.
  void normalise_over(Ranks& ranks) { ranks_ = &ranks; }

  Tensor output() const { return outputs_.back(); }  // of the last forward
  // Likewise a layer's output, of a pass that keeps it for backward.
  Tensor output_of(Value value) const;
  int64_t batch() const { return x_[0]; }
  int64_t bytes() const { return own_.arena.planned_bytes() + (shares_ ? 0 : inner_->arena.planned_bytes()); }

  // What the bytes() of `passes` such passes in one memory would be; allocates nothing.
  static int64_t planned_bytes(const Network& network, const Shape& x, DType dtype, Keep keep,
                               int passes = 1);

 private:
  friend class Network;

  // What passes may share: the outputs of all layers but the last, and the gradients' slots.
  struct Inner {
    Arena arena;
    std::vector<int> outputs;      // by layer, places in the arena
    GradientPlan gradients;        // empty for inference
    std::vector<int> slots;        // of the gradients, places in the arena
    const Pass* holder = nullptr;  // the pass whose forward was the last

    Inner(const Network& network, const std::vector<Shape>& shapes, DType dtype, Keep keep);
  };
  // What each has for itself.
  struct Own {
    Arena arena;
    int output;
    std::vector<std::vector<int>> saved;  // by layer

    Own(const Network& network, const Shape& x, const std::vector<Shape>& shapes, DType dtype);
  };
  Pass(Context& ctx, const Network& network, const Shape& x, DType dtype, Keep keep,
       std::shared_ptr<Inner> inner, bool shares);

  Tensor value(Value value) const {
    return value.is_input() ? input_ : outputs_[static_cast<size_t>(value.node)];
  }
  // The gradient in this slot, of a value of this shape.
  Tensor gradient(int slot, const Shape& shape) const;

  Shape x_;
  DType dtype_;
  Keep keep_;
  std::shared_ptr<Inner> inner_;
  bool shares_;  // the memory of an earlier pass
  Ranks* ranks_ = nullptr;
  Own own_;
  Tensor input_;                            // of the last forward; a view
  std::vector<Tensor> outputs_;             // by layer
  std::vector<std::vector<Tensor>> saved_;  // by layer
};

}  // namespace inpaint
