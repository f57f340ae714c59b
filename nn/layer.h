// A layer: shapes and options, immutable after construction. Parameters, activations and what backward needs
// come in as arguments, so one network can have several passes in flight.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/device/context.h"
#include "kernels/channel/batch_norm.h"
#include "nn/layer_description.h"
#include "nn/parameter_grads.h"
#include "nn/parameters.h"

namespace inpaint {

class Ranks;

// Which statistics a batch norm normalises with.
enum class Statistics {
  kBatch,    // of this very batch: training
  kRunning,  // the running averages: inference
};

// What a forward reads and writes.
struct LayerForward {
  Tensor x;
  Tensor addend;  // of the shape of y; empty but where takes_addend()
  Tensor y;       // overwritten
  std::span<const Tensor> saved;
  Statistics statistics;
  Ranks* ranks = nullptr;  // whose pictures Statistics::kBatch is over; null: this process's alone
};

// What the backward behind it reads and writes. The batch was normalised with its own statistics.
struct LayerBackward {
  Tensor x, y;
  Tensor dy;
  Tensor dx;       // overwritten; empty: skipped. Where backward_in_place(), it may be dy
  Tensor daddend;  // empty: skipped, or there is no addend
  GradMode daddend_mode = GradMode::kOverwrite;
  ParameterGrads grads;
  std::span<const Tensor> saved;
  Ranks* ranks = nullptr;  // as in forward
};

class Layer {
 public:
  explicit Layer(std::string name) : name_(std::move(name)) {}
  virtual ~Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  const std::string& name() const { return name_; }

  // Throws ShapeError naming this layer when it cannot take x.
  virtual Shape out_shape(const Shape& x) const = 0;

  // What one pass must keep for this layer's backward, besides x and y.
  virtual std::vector<Shape> saved_shapes(const Shape&) const { return {}; }

  // Workspace of the largest op of forward and backward.
  virtual int64_t workspace_bytes(const Context&, const Shape& x, DType dtype) const = 0;

  // Multiplications and additions of the matrix products of one forward pass; backward needs as many for the
  // input's gradient and as many for the weight's.
  virtual int64_t product_flop(const Shape&) const { return 0; }

  virtual void forward(const Context& ctx, const Parameters& params, const LayerForward& pass) const = 0;

  // dx is computed from the parameters as they are before any update.
  virtual void backward(const Context& ctx, const Parameters& params, const LayerBackward& pass) const = 0;

  virtual bool backward_in_place() const { return false; }

  // Whether the layer adds a second input to its sum, in front of its activation.
  virtual bool takes_addend() const { return false; }

  virtual LayerDescription describe() const = 0;

  // Whether backward leaves work behind that still reads x and dy: a gradient handed over to a sink, or the
  // weight's gradient on ParameterGrads::beside.
  virtual bool hands_over_gradient() const { return false; }
  virtual bool weight_gradient_beside() const { return false; }

  // Adds to the list how the statistics that forward saved move the running averages; a layer without any
  // adds nothing.
  virtual void add_running_update(const Parameters&, std::span<const Tensor> /*saved*/,
                                  std::vector<RunningUpdate>& /*list*/) const {}
  // Moves the running values that are no averages to what forward saved.
  virtual void update_running(const Context&, const Parameters&, std::span<const Tensor> /*saved*/) const {}

 private:
  std::string name_;
};

}  // namespace inpaint
