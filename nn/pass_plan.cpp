#include "nn/pass_plan.h"

#include <algorithm>

namespace inpaint {
namespace {

class SlotPool {
 public:
  // A free slot: the first, or a new one.
  int take(int64_t elements) {
    const auto free = std::ranges::find(is_free_, true);
    const auto slot = static_cast<size_t>(free - is_free_.begin());
    if (free == is_free_.end()) {
      is_free_.push_back(true);
      sizes_.push_back(0);
    }
    is_free_[slot] = false;
    sizes_[slot] = std::max(sizes_[slot], elements);
    return static_cast<int>(slot);
  }
  void give_back(int slot) { is_free_[static_cast<size_t>(slot)] = true; }

  std::vector<int64_t> sizes() && { return std::move(sizes_); }

 private:
  std::vector<int64_t> sizes_;
  std::vector<bool> is_free_;
};

// The number of the last node that reads each node's output.
std::vector<size_t> last_readers(const Network& network) {
  std::vector<size_t> last(network.nodes().size(), 0);
  for (size_t i = 0; i < last.size(); ++i) {
    const Network::Node& node = network.nodes()[i];
    if (!node.from.is_input()) last[static_cast<size_t>(node.from.node)] = i;
    if (node.addend) last[static_cast<size_t>(node.addend->node)] = i;
  }
  return last;
}

class GradientPlanner {
 public:
  GradientPlanner(const Network& network, const std::vector<Shape>& shapes)
      : network_(network), shapes_(shapes), slot_of_(shapes.size(), BackwardStep::kNone) {
    slot_of_.back() = BackwardStep::kCaller;
  }

  GradientPlan plan() {
    std::vector<BackwardStep> steps(shapes_.size());
    for (size_t i = shapes_.size(); i-- > 0;) steps[i] = plan_step(i);
    GradientPlan plan{std::move(pool_).sizes(), std::move(steps)};
    INPAINT_CHECK(plan.slots.size() <= GradientPlan::kMaxSlots, "{}: {} gradients at a time", network_.name(),
                  plan.slots.size());
    return plan;
  }

 private:
  BackwardStep plan_step(size_t i) {
    const Network::Node& node = network_.nodes()[i];
    INPAINT_CHECK(slot_of_[i] != BackwardStep::kNone, "{}: no layer reads its output", node.layer->name());
    BackwardStep step{.dy = slot_of_[i], .dx = BackwardStep::kCaller};
    const bool is_pooled = step.dy >= 0 && !node.layer->hands_over_gradient();
    bool is_passed_on = false;
    if (!node.from.is_input()) {
      int& slot = slot_of_[static_cast<size_t>(node.from.node)];
      const bool keeps = slot == BackwardStep::kNone && producer(node.from).hands_over_gradient();
      const bool in_place = is_pooled && !keeps && node.layer->backward_in_place();
      step.dx = in_place ? step.dy : pool_.take(elements(node.from));
      if (slot == BackwardStep::kNone) {
        slot = step.dx;
        is_passed_on = in_place;
      } else {
        step.sum = slot;
      }
    }
    if (node.addend) plan_addend(*node.addend, step);
    if (step.sum != BackwardStep::kNone && step.dx != step.dy) pool_.give_back(step.dx);
    if (is_pooled && !is_passed_on) pool_.give_back(step.dy);
    return step;
  }

  void plan_addend(Value addend, BackwardStep& step) {
    int& slot = slot_of_[static_cast<size_t>(addend.node)];
    if (slot == BackwardStep::kNone)
      slot = pool_.take(elements(addend));
    else
      step.daddend_mode = GradMode::kAccumulate;
    step.daddend = slot;
  }

  const Layer& producer(Value value) const {
    return *network_.nodes()[static_cast<size_t>(value.node)].layer;
  }
  int64_t elements(Value value) const { return shapes_[static_cast<size_t>(value.node)].elements(); }

  const Network& network_;
  const std::vector<Shape>& shapes_;
  SlotPool pool_;
  std::vector<int> slot_of_;  // of each node's output's gradient, as far as it is known
};

}  // namespace

OutputPlan plan_outputs(const Network& network, const std::vector<Shape>& shapes) {
  const std::vector<size_t> last = last_readers(network);
  SlotPool pool;
  OutputPlan plan;
  for (size_t i = 0; i < shapes.size(); ++i) {
    plan.slot_of.push_back(i + 1 == shapes.size() ? OutputPlan::kOwn : pool.take(shapes[i].elements()));
    for (size_t read = 0; read < i; ++read)
      if (last[read] == i) pool.give_back(plan.slot_of[read]);
  }
  plan.slots = std::move(pool).sizes();
  return plan;
}

GradientPlan plan_gradients(const Network& network, const std::vector<Shape>& shapes) {
  return GradientPlanner(network, shapes).plan();
}

}  // namespace inpaint
