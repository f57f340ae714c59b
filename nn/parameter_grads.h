// What a layer's backward does with the gradients of its parameters.
#pragma once

#include "core/device/branch.h"
#include "kernels/grad_mode.h"
#include "nn/parameters.h"

namespace inpaint {

// Takes the gradients of large weights, which are then never stored (GradientUse::kHandOver). The gradient of
// a linear layer's weight is the product dy^T x, as large as the weight: the sink gets its two factors.
class GradientSink {
 public:
  virtual ~GradientSink() = default;

  // weight [out, in], x [n, in], dy [n, out]. Called when nothing in this backward reads the weight any more,
  // so the sink may change it. Its work may go on after the call, and reads x and dy.
  virtual void linear(const Context& ctx, ParameterId weight, const Tensor& x, const Tensor& dy) = 0;
};

// Follows a backward: what a layer has computed can be used while the layers before it are still at work.
class BackwardWatcher {
 public:
  virtual ~BackwardWatcher() = default;

  // The stored gradients of node `node` of the network are in place. A GPU has them enqueued, on the context
  // and on the branch `beside` (null: there is none).
  virtual void is_done(size_t node, Branch* beside) = 0;
};

struct ParameterGrads {
  enum Mode { kSkip, kOverwrite, kAccumulate } mode;
  GradientSink* sink = nullptr;  // for the gradients that the parameters do not store
  Branch* beside = nullptr;      // where weight gradients of convolutions are made; null: one after the other
  BackwardWatcher* watcher = nullptr;

  ParameterGrads(Mode m, GradientSink* s = nullptr, Branch* b = nullptr,  // NOLINT
                 BackwardWatcher* w = nullptr)
      : mode(m), sink(s), beside(b), watcher(w) {}

  bool skipped() const { return mode == kSkip; }
  const Context& context_of_weights(const Context& ctx) const {
    return beside == nullptr ? ctx : beside->fork();
  }
  // The mode of micro-batch number m, the first of which begins the sum over all.
  static Mode sum_from(int m) { return m == 0 ? kOverwrite : kAccumulate; }
  GradMode grad_mode() const { return mode == kAccumulate ? GradMode::kAccumulate : GradMode::kOverwrite; }
};

}  // namespace inpaint
