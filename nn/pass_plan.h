// Which values of a pass, and which gradients, take turns in one memory: each has it from its first use to
// its last. Plans follow from the shapes alone.
#pragma once

#include <vector>

#include "nn/network.h"

namespace inpaint {

// A memory that values take turns in is a slot; its size is that of the largest, in elements.
struct OutputPlan {
  std::vector<int64_t> slots;
  std::vector<int> slot_of;  // by node; the last node's output has memory of its own: kOwn

  static constexpr int kOwn = -1;
};

// The outputs of a pass without a backward: a value is kept until the last layer that reads it has run.
OutputPlan plan_outputs(const Network& network, const std::vector<Shape>& shapes);

// Where the backward of one node reads and writes gradients.
struct BackwardStep {
  int dy;
  int dx;
  int sum = kNone;  // where dx is added: to what other layers wrote for the same value
  int daddend = kNone;
  GradMode daddend_mode = GradMode::kOverwrite;

  static constexpr int kNone = -1;
  static constexpr int kCaller = -2;  // the network's output's gradient, or its input's
};

struct GradientPlan {
  static constexpr size_t kMaxSlots = 64;

  std::vector<int64_t> slots;
  std::vector<BackwardStep> steps;  // by node
};

// A layer that works in place passes its slot on. A gradient that is still read when backward has gone on
// (Layer::hands_over_gradient) has a slot of its own.
GradientPlan plan_gradients(const Network& network, const std::vector<Shape>& shapes);

}  // namespace inpaint
