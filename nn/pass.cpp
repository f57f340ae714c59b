#include "nn/pass.h"

#include <utility>

namespace inpaint {

Pass::Inner::Inner(const Network& network, const std::vector<Shape>& shapes, DType dtype, Keep keep) {
  const size_t inner = shapes.size() - 1;
  if (keep == Keep::kOutputOnly) {
    const OutputPlan plan = plan_outputs(network, shapes);
    for (const int64_t elements : plan.slots) arena.reserve({elements}, dtype);
    outputs.assign(plan.slot_of.begin(), plan.slot_of.end() - 1);
    return;
  }
  gradients = plan_gradients(network, shapes);
  for (const int64_t elements : gradients.slots) slots.push_back(arena.reserve({elements}, dtype));
  for (size_t i = 0; i < inner; ++i) outputs.push_back(arena.reserve(shapes[i], dtype));
}

Pass::Own::Own(const Network& network, const Shape& x, const std::vector<Shape>& shapes, DType dtype) {
  output = arena.reserve(shapes.back(), dtype);
  for (const Network::Node& node : network.nodes()) {
    saved.emplace_back();
    const Shape& in = node.from.is_input() ? x : shapes[static_cast<size_t>(node.from.node)];
    for (const Shape& shape : node.layer->saved_shapes(in))
      saved.back().push_back(arena.reserve(shape, parameter_dtype(dtype)));
  }
}

int64_t Pass::planned_bytes(const Network& network, const Shape& x, DType dtype, Keep keep, int passes) {
  const std::vector<Shape> shapes = network.output_shapes(x);
  return Inner(network, shapes, dtype, keep).arena.planned_bytes() +
         passes * Own(network, x, shapes, dtype).arena.planned_bytes();
}

Pass::Pass(Context& ctx, const Network& network, const Shape& x, DType dtype, Keep keep)
    : Pass(ctx, network, x, dtype, keep,
           std::make_shared<Inner>(network, network.output_shapes(x), dtype, keep), false) {}

Pass::Pass(Context& ctx, const Network& network, const Pass& other)
    : Pass(ctx, network, other.x_, other.dtype_, other.keep_, other.inner_, true) {}

Pass::Pass(Context& ctx, const Network& network, const Shape& x, DType dtype, Keep keep,
           std::shared_ptr<Inner> inner, bool shares)
    : x_(x),
      dtype_(dtype),
      keep_(keep),
      inner_(std::move(inner)),
      shares_(shares),
      own_(network, x, network.output_shapes(x), dtype) {
  ctx.reserve_workspace(network.workspace_bytes(ctx, x, dtype));
  if (!shares) inner_->arena.allocate(ctx.device());
  own_.arena.allocate(ctx.device());
  const std::vector<Shape> shapes = network.output_shapes(x);
  for (size_t i = 0; i < shapes.size(); ++i) {
    outputs_.push_back(i + 1 == shapes.size() ? own_.arena.tensor(own_.output)
                                              : inner_->arena.tensor(inner_->outputs[i]));
    outputs_.back().shape = shapes[i];
    saved_.emplace_back();
    for (const int id : own_.saved[i]) saved_.back().push_back(own_.arena.tensor(id));
  }
}

Tensor Pass::output_of(Value value) const {
  INPAINT_CHECK(keep_ == Keep::kForBackward && !value.is_input(), "no output {} is kept", value.node);
  return outputs_.at(static_cast<size_t>(value.node));
}

Tensor Pass::gradient(int slot, const Shape& shape) const {
  Tensor tensor = inner_->arena.tensor(inner_->slots[static_cast<size_t>(slot)]);
  tensor.shape = shape;
  return tensor;
}

}  // namespace inpaint
