// The means of a network's gradients over the ranks, in slices that go out while the rest of backward runs.
#pragma once

#include <vector>

#include "core/ranks/ranks.h"
#include "nn/network.h"
#include "nn/parameter_grads.h"

namespace inpaint {

class GradientExchange final : public BackwardWatcher {
 public:
  static constexpr int64_t kSlice = 1 << 18;  // gradients of weights that go out at once, at least

  // params stores all gradients (HandedOver::kStored). All must outlive this object.
  GradientExchange(const Network& network, const Parameters& params, Ranks& ranks);

  // Backward walks from the last node to the first, and so through the weights from the array's end.
  void is_done(size_t node, Branch* beside) override;

  // Behind backward: sends what has not gone out yet, and waits for all. The gradients are then the means,
  // for all that is enqueued from now on.
  void finish();

 private:
  const Parameters& params_;
  Ranks& ranks_;
  int64_t weights_;
  // Where in the array the weights begin of the nodes from this one on.
  std::vector<int64_t> first_weight_;
  int64_t sent_;  // the weights from here on are on their way
};

}  // namespace inpaint
