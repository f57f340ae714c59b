#include "nn/network.h"

#include <algorithm>
#include <utility>

namespace inpaint {
namespace {

// The shape of every layer's output.
std::vector<Shape> output_shapes(const Network& network, int64_t batch) {
  std::vector<Shape> shapes;
  for (const auto& layer : network.layers())
    shapes.push_back(layer->out_shape(shapes.empty() ? network.in_shape(batch) : shapes.back()));
  return shapes;
}

// Returns the largest need among the layers for which `counts` is true.
template <typename F>
int64_t most_workspace_bytes(const Network& network, const Context& ctx, int64_t batch, DType dtype,
                             F&& counts) {
  Shape x = network.in_shape(batch);
  int64_t bytes = 0;
  for (const auto& layer : network.layers()) {
    if (counts(*layer)) bytes = std::max(bytes, layer->workspace_bytes(ctx, x, dtype));
    x = layer->out_shape(x);
  }
  return bytes;
}

}  // namespace

Pass::Inner::Inner(const Network& network, int64_t batch, DType dtype, Keep keep) {
  const auto& layers = network.layers();
  const std::vector<Shape> shapes = output_shapes(network, batch);
  const size_t inner = layers.size() - 1;
  std::vector<int64_t> most = {1, 1};  // elements of the pair, and of gradients with a buffer of their own
  if (keep == Keep::kOutputOnly) {
    for (size_t i = 0; i < inner; ++i) most[i % 2] = std::max(most[i % 2], shapes[i].elements());
    for (const int64_t n : most) arena.reserve({n}, dtype);
    for (size_t i = 0; i < inner; ++i) outputs.push_back(static_cast<int>(i % 2));
    return;
  }
  // A gradient goes from one buffer of the pair into the other, but for a layer that works in place; the last
  // layer's comes from the caller. A gradient that is still read when backward has gone on has a buffer of
  // its own.
  gradients.assign(layers.size(), -1);
  for (size_t i = inner, from = 2; i > 0; --i) {
    size_t to = layers[i]->backward_in_place() && from < 2 ? from : from == 0 ? 1 : 0;
    if (layers[i - 1]->hands_over_gradient()) {
      to = most.size();
      most.push_back(0);
    }
    most[to] = std::max(most[to], shapes[i - 1].elements());
    gradients[i] = static_cast<int>(to);
    from = to;
  }
  for (const int64_t n : most) arena.reserve({n}, dtype);
  for (size_t i = 0; i < inner; ++i) outputs.push_back(arena.reserve(shapes[i], dtype));
}

Pass::Own::Own(const Network& network, int64_t batch, DType dtype) {
  const std::vector<Shape> shapes = output_shapes(network, batch);
  output = arena.reserve(shapes.back(), dtype);
  for (size_t i = 0; i < shapes.size(); ++i) {
    saved.emplace_back();
    for (const Shape& shape :
         network.layers()[i]->saved_shapes(i == 0 ? network.in_shape(batch) : shapes[i - 1]))
      saved.back().push_back(arena.reserve(shape, parameter_dtype(dtype)));
  }
}

int64_t Pass::planned_bytes(const Network& network, int64_t batch, DType dtype, Keep keep, int passes) {
  return Inner(network, batch, dtype, keep).arena.planned_bytes() +
         passes * Own(network, batch, dtype).arena.planned_bytes();
}

Pass::Pass(Context& ctx, const Network& network, int64_t batch, DType dtype, Keep keep)
    : Pass(ctx, network, batch, dtype, keep, std::make_shared<Inner>(network, batch, dtype, keep), false) {}

Pass::Pass(Context& ctx, const Network& network, const Pass& other)
    : Pass(ctx, network, other.batch_, other.dtype_, other.keep_, other.inner_, true) {}

Pass::Pass(Context& ctx, const Network& network, int64_t batch, DType dtype, Keep keep,
           std::shared_ptr<Inner> inner, bool shares)
    : batch_(batch),
      dtype_(dtype),
      keep_(keep),
      inner_(std::move(inner)),
      shares_(shares),
      own_(network, batch, dtype) {
  ctx.reserve_workspace(network.workspace_bytes(ctx, batch, dtype));
  if (!shares) inner_->arena.allocate(ctx.device());
  own_.arena.allocate(ctx.device());
  const std::vector<Shape> shapes = output_shapes(network, batch);
  for (size_t i = 0; i < shapes.size(); ++i) {
    outputs_.push_back(i + 1 == shapes.size() ? own_.arena.tensor(own_.output)
                                              : inner_->arena.tensor(inner_->outputs[i]));
    outputs_.back().shape = shapes[i];
    saved_.emplace_back();
    for (const int id : own_.saved[i]) saved_.back().push_back(own_.arena.tensor(id));
  }
}

int64_t Network::workspace_bytes(const Context& ctx, int64_t batch, DType dtype) const {
  return most_workspace_bytes(*this, ctx, batch, dtype, [](const Layer&) { return true; });
}

int64_t Network::weight_gradient_workspace_bytes(const Context& beside, int64_t batch, DType dtype) const {
  return most_workspace_bytes(*this, beside, batch, dtype,
                              [](const Layer& layer) { return layer.weight_gradient_beside(); });
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
                        Pass& pass, Branch* updates) const {
  expect_shape(name_.c_str(), x, in_shape(pass.batch_), params.activation_dtype());
  pass.inner_->holder = &pass;
  pass.input_ = x;
  Tensor in = x;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const bool overwrites = i + 1 < layers_.size() && layers_[i + 1]->hands_over_gradient();
    if (updates != nullptr && (overwrites || layers_[i]->hands_over_gradient())) updates->join();
    layers_[i]->forward(ctx, params, in, pass.outputs_[i], pass.saved_[i], statistics);
    in = pass.outputs_[i];
  }
  return in;
}

void Network::backward(const Context& ctx, const Parameters& params, const Tensor& dy, const Tensor* dx,
                       ParameterGrads grads, Pass& pass) const {
  INPAINT_CHECK(pass.keep_ == Pass::Keep::kForBackward, "{}: this pass kept nothing for backward", name_);
  INPAINT_CHECK(pass.inner_->holder == &pass, "{}: another pass has used this one's memory since", name_);
  expect_shape(name_.c_str(), dy, pass.outputs_.back().shape, params.activation_dtype());
  Tensor out = dy;
  const void* read_beside = nullptr;  // the gradient that a weight gradient under way reads
  for (size_t i = layers_.size(); i-- > 0;) {
    const Tensor& in = i == 0 ? pass.input_ : pass.outputs_[i - 1];
    Tensor din;
    if (i > 0) {
      din = pass.inner_->arena.tensor(pass.inner_->gradients[i]);
      din.shape = in.shape;
      if (din.data == read_beside) grads.beside->join();
    }
    layers_[i]->backward(ctx, params, in, pass.outputs_[i], out, i == 0 ? dx : &din, grads, pass.saved_[i]);
    if (grads.beside != nullptr && layers_[i]->weight_gradient_beside()) read_beside = out.data;
    out = din;
  }
  if (grads.beside != nullptr) grads.beside->join();
}

void Network::update_running(const Context& ctx, const Parameters& params, const Pass& pass) const {
  std::vector<RunningUpdate> updates;
  for (size_t i = 0; i < layers_.size(); ++i) layers_[i]->add_running_update(params, pass.saved_[i], updates);
  batch_norm_update_running(ctx, updates);
}

}  // namespace inpaint
