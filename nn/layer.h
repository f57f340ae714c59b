// A layer: shapes and options, immutable after construction. Parameters, activations and what backward needs
// come in as arguments, so one network can have several passes in flight.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/device/context.h"
#include "kernels/channel/batch_norm.h"
#include "nn/parameter_grads.h"
#include "nn/parameters.h"

namespace inpaint {

// Which statistics a batch norm normalises with.
enum class Statistics {
  kBatch,    // of this very batch: training
  kRunning,  // the running averages: inference
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

  // y is overwritten.
  virtual void forward(const Context& ctx, const Parameters& params, const Tensor& x, const Tensor& y,
                       std::span<const Tensor> saved, Statistics statistics) const = 0;

  // For the batch normalised with its own statistics. dx is overwritten, skipped when null; it is computed
  // from the parameters as they are before any update. Where backward_in_place(), dx may be dy.
  virtual void backward(const Context& ctx, const Parameters& params, const Tensor& x, const Tensor& y,
                        const Tensor& dy, const Tensor* dx, ParameterGrads grads,
                        std::span<const Tensor> saved) const = 0;

  virtual bool backward_in_place() const { return false; }

  // Whether backward leaves work behind that still reads x and dy: a gradient handed over to a sink, or the
  // weight's gradient on ParameterGrads::beside.
  virtual bool hands_over_gradient() const { return false; }
  virtual bool weight_gradient_beside() const { return false; }

  // Adds to the list how the statistics that forward saved move the running averages; a layer without any
  // adds nothing.
  virtual void add_running_update(const Parameters&, std::span<const Tensor> /*saved*/,
                                  std::vector<RunningUpdate>& /*list*/) const {}

 private:
  std::string name_;
};

}  // namespace inpaint
