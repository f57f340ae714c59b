#include "nn/network.h"

#include <algorithm>

namespace inpaint {

Pass::Layout Pass::lay_out(const Network& network, int64_t batch, DType dtype, Keep keep, Arena& arena) {
  Layout layout;
  Shape x = network.in_shape(batch);
  int64_t largest = 0;
  for (const auto& layer : network.layers()) {
    layout.saved.emplace_back();
    for (const Shape& shape : layer->saved_shapes(x))
      layout.saved.back().push_back(arena.reserve(shape, parameter_dtype(dtype)));
    x = layer->out_shape(x);
    if (keep == Keep::kForBackward) layout.outputs.push_back(arena.reserve(x, dtype));
    largest = std::max(largest, x.elements());
    layout.shapes.push_back(x);
  }
  // Gradients travel through this pair; where there is no backward, the activations do.
  for (int& id : layout.travelling) id = arena.reserve({largest}, dtype);
  return layout;
}

int64_t Pass::planned_bytes(const Network& network, int64_t batch, DType dtype, Keep keep) {
  Arena arena;
  lay_out(network, batch, dtype, keep, arena);
  return arena.planned_bytes();
}

Pass::Pass(Context& ctx, const Network& network, int64_t batch, DType dtype, Keep keep)
    : batch_(batch), keep_(keep) {
  ctx.reserve_workspace(network.workspace_bytes(ctx, batch, dtype));
  const Layout layout = lay_out(network, batch, dtype, keep, arena_);
  std::copy(std::begin(layout.travelling), std::end(layout.travelling), travelling_);
  arena_.allocate(ctx.device());
  for (size_t i = 0; i < layout.shapes.size(); ++i) {
    outputs_.push_back(
        arena_.tensor(keep == Keep::kForBackward ? layout.outputs[i] : layout.travelling[i % 2]));
    outputs_.back().shape = layout.shapes[i];
    saved_.emplace_back();
    for (const int id : layout.saved[i]) saved_.back().push_back(arena_.tensor(id));
  }
}

int64_t Network::workspace_bytes(const Context& ctx, int64_t batch, DType dtype) const {
  Shape x = in_shape(batch);
  int64_t bytes = 0;
  for (const auto& layer : layers_) {
    bytes = std::max(bytes, layer->workspace_bytes(ctx, x, dtype));
    x = layer->out_shape(x);
  }
  return bytes;
}

int64_t Network::product_flop(int64_t batch) const {
  Shape x = in_shape(batch);
  int64_t flop = 0;
  for (const auto& layer : layers_) {
    flop += layer->product_flop(x);
    x = layer->out_shape(x);
  }
  return flop;
}

Tensor Network::forward(const Context& ctx, const Parameters& params, const Tensor& x, Statistics statistics,
                        Pass& pass) const {
  expect_shape(name_.c_str(), x, in_shape(pass.batch_), params.activation_dtype());
  pass.input_ = x;
  Tensor in = x;
  for (size_t i = 0; i < layers_.size(); ++i) {
    layers_[i]->forward(ctx, params, in, pass.outputs_[i], pass.saved_[i], statistics);
    in = pass.outputs_[i];
  }
  return in;
}

void Network::backward(const Context& ctx, const Parameters& params, const Tensor& dy, const Tensor* dx,
                       ParameterGrads grads, Pass& pass) const {
  INPAINT_CHECK(pass.keep_ == Pass::Keep::kForBackward, "{}: this pass kept nothing for backward", name_);
  expect_shape(name_.c_str(), dy, pass.outputs_.back().shape, params.activation_dtype());
  Tensor out = dy;
  for (size_t i = layers_.size(); i-- > 0;) {
    const Tensor& in = i == 0 ? pass.input_ : pass.outputs_[i - 1];
    if (i == 0) {
      layers_[i]->backward(ctx, params, in, pass.outputs_[i], out, dx, grads, pass.saved_[i]);
      break;
    }
    Tensor din = pass.arena_.tensor(pass.travelling_[i % 2]);
    din.shape = in.shape;
    layers_[i]->backward(ctx, params, in, pass.outputs_[i], out, &din, grads, pass.saved_[i]);
    out = din;
  }
}

void Network::update_running(const Context& ctx, const Parameters& params, const Pass& pass) const {
  for (size_t i = 0; i < layers_.size(); ++i) layers_[i]->update_running(ctx, params, pass.saved_[i]);
}

}  // namespace inpaint
