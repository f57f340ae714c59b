#include "nn/network.h"

#include <algorithm>
#include <bitset>
#include <utility>

#include "kernels/channel/add.h"
#include "nn/pass.h"

namespace inpaint {
namespace {

// Remembers which gradient slots are read by weight gradients under way on a branch, so that the branch is
// joined before one of them is written again.
class ReadBeside {
 public:
  explicit ReadBeside(Branch* beside) : beside_(beside) {}

  void reads(int slot) {
    if (beside_ != nullptr && slot >= 0) slots_.set(static_cast<size_t>(slot));
  }
  void will_write(int slot) {
    if (slot < 0 || !slots_.test(static_cast<size_t>(slot))) return;
    beside_->join();
    slots_.reset();
  }
  void finish() {
    if (beside_ != nullptr) beside_->join();
  }

 private:
  Branch* beside_;
  std::bitset<GradientPlan::kMaxSlots> slots_;
};

}  // namespace

Value Network::add_node(std::unique_ptr<Layer> layer, Value from, std::optional<Value> addend) {
  const auto count = static_cast<int>(nodes_.size());
  INPAINT_CHECK(from.node < count && (!addend || (addend->node < count && !addend->is_input())),
                "{}: reads a value that is not made before it", layer->name());
  INPAINT_CHECK(!addend || (layer->takes_addend() && *addend != from), "{}: takes no such addend",
                layer->name());
  if (layer->hands_over_gradient() && !from.is_input())
    nodes_[static_cast<size_t>(from.node)].is_read_by_handed_over = true;
  nodes_.push_back({std::move(layer), from, addend});
  return {count};
}

std::vector<Shape> Network::output_shapes(const Shape& x) const {
  std::vector<Shape> shapes;
  for (const Node& node : nodes_) {
    shapes.push_back(
        node.layer->out_shape(node.from.is_input() ? x : shapes[static_cast<size_t>(node.from.node)]));
    if (node.addend && shapes[static_cast<size_t>(node.addend->node)] != shapes.back())
      throw ShapeError(fmt::format("{}: cannot add {} to {}", node.layer->name(),
                                   to_string(shapes[static_cast<size_t>(node.addend->node)]),
                                   to_string(shapes.back())));
  }
  return shapes;
}

// The largest need among the layers for which `counts` is true.
template <typename F>
int64_t Network::most_workspace_bytes(const Context& ctx, const Shape& x, DType dtype, F&& counts) const {
  const std::vector<Shape> shapes = output_shapes(x);
  int64_t bytes = 0;
  for (const Node& node : nodes_) {
    const Shape& in = node.from.is_input() ? x : shapes[static_cast<size_t>(node.from.node)];
    if (counts(*node.layer)) bytes = std::max(bytes, node.layer->workspace_bytes(ctx, in, dtype));
  }
  return bytes;
}

int64_t Network::workspace_bytes(const Context& ctx, const Shape& x, DType dtype) const {
  return most_workspace_bytes(ctx, x, dtype, [](const Layer&) { return true; });
}

int64_t Network::weight_gradient_workspace_bytes(const Context& beside, const Shape& x, DType dtype) const {
  return most_workspace_bytes(beside, x, dtype,
                              [](const Layer& layer) { return layer.weight_gradient_beside(); });
}

int64_t Network::product_flop(const Shape& x) const {
  const std::vector<Shape> shapes = output_shapes(x);
  int64_t flop = 0;
  for (const Node& node : nodes_)
    flop += node.layer->product_flop(node.from.is_input() ? x : shapes[static_cast<size_t>(node.from.node)]);
  return flop;
}

Tensor Network::forward(const Context& ctx, const Parameters& params, const Tensor& x, Statistics statistics,
                        Pass& pass, Branch* updates) const {
  expect_shape(name_.c_str(), x, pass.x_, params.activation_dtype());
  pass.inner_->holder = &pass;
  pass.input_ = x;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    // A pending update reads its layer's weight and input.
    if (updates != nullptr && (node.is_read_by_handed_over || node.layer->hands_over_gradient()))
      updates->join();
    node.layer->forward(ctx, params,
                        {.x = pass.value(node.from),
                         .addend = node.addend ? pass.value(*node.addend) : Tensor{},
                         .y = pass.outputs_[i],
                         .saved = pass.saved_[i],
                         .statistics = statistics,
                         .ranks = pass.ranks_});
  }
  return pass.output();
}

void Network::backward(const Context& ctx, const Parameters& params, const Tensor& dy, const Tensor* dx,
                       ParameterGrads grads, Pass& pass, std::span<const GradientTap> taps) const {
  INPAINT_CHECK(pass.keep_ == Pass::Keep::kForBackward, "{}: this pass kept nothing for backward", name_);
  INPAINT_CHECK(pass.inner_->holder == &pass, "{}: another pass has used this one's memory since", name_);
  expect_shape(name_.c_str(), dy, pass.output().shape, params.activation_dtype());
  for (const GradientTap& tap : taps)
    INPAINT_CHECK(tap.value.node >= 0 && tap.value.node + 1 < std::ssize(nodes_), "{}: no inner value {}",
                  name_, tap.value.node);
  ReadBeside read_beside(grads.beside);
  for (size_t i = nodes_.size(); i-- > 0;) {
    const Node& node = nodes_[i];
    const BackwardStep& step = pass.inner_->gradients.steps[i];
    for (const int slot : {step.dx, step.daddend, step.sum}) read_beside.will_write(slot);
    const Tensor dy_of_node =
        step.dy == BackwardStep::kCaller ? dy : pass.gradient(step.dy, pass.outputs_[i].shape);
    for (const GradientTap& tap : taps)
      if (tap.value.node == static_cast<int>(i)) tap.add(dy_of_node);
    const Tensor in = pass.value(node.from);
    const Tensor din = step.dx == BackwardStep::kCaller ? (dx == nullptr ? Tensor{} : *dx)
                                                        : pass.gradient(step.dx, in.shape);
    node.layer->backward(
        ctx, params,
        {.x = in,
         .y = pass.outputs_[i],
         .dy = dy_of_node,
         .dx = din,
         .daddend = node.addend ? pass.gradient(step.daddend, pass.outputs_[i].shape) : Tensor{},
         .daddend_mode = step.daddend_mode,
         .grads = grads,
         .saved = pass.saved_[i],
         .ranks = pass.ranks_});
    if (step.sum != BackwardStep::kNone) inpaint::add(ctx, din, pass.gradient(step.sum, in.shape));
    if (node.layer->weight_gradient_beside()) read_beside.reads(step.dy);
    if (grads.watcher != nullptr) grads.watcher->is_done(i, grads.beside);
  }
  read_beside.finish();
}

void Network::update_running(const Context& ctx, const Parameters& params, const Pass& pass) const {
  std::vector<RunningUpdate> updates;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i].layer->add_running_update(params, pass.saved_[i], updates);
    nodes_[i].layer->update_running(ctx, params, pass.saved_[i]);
  }
  batch_norm_update_running(ctx, updates);
}

}  // namespace inpaint
