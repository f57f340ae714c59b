// The orders a test should pass.

#include "tests/cuda_executor/executor.h"

namespace inpaint::executor {
namespace {

const char* name(Order order) {
  return order == Order::kForward ? "forward" : order == Order::kReverse ? "reverse" : "shuffled";
}

}  // namespace

std::string to_string(const Schedule& s) {
  const char* const streams = s.streams == StreamOrder::kLate     ? "late"
                              : s.streams == StreamOrder::kAtOnce ? "at once"
                                                                  : "shuffled";
  return std::string("blocks ") + name(s.blocks) + ", warps " + name(s.warps) + ", lanes " + name(s.lanes) +
         ", streams " + streams + ", seed " + std::to_string(s.seed);
}

std::vector<Schedule> schedules() {
  using enum Order;
  return {
      {kForward, kForward, kForward, StreamOrder::kLate, 0},
      {kReverse, kReverse, kReverse, StreamOrder::kAtOnce, 0},
      {kReverse, kForward, kReverse, StreamOrder::kShuffled, 1},
      {kShuffled, kShuffled, kShuffled, StreamOrder::kShuffled, 2},
      {kShuffled, kShuffled, kShuffled, StreamOrder::kLate, 3},
  };
}

void in_every_schedule(const std::function<std::string()>& body) {
  const Schedule before = schedule();
  struct Restore {
    const Schedule& schedule;
    ~Restore() { set_schedule(schedule); }
  } const restore{before};
  std::string expected;
  const std::vector<Schedule> all = schedules();
  for (const Schedule& one : all) {
    set_schedule(one);
    const std::string results = body();
    if (&one == &all.front()) expected = results;
    if (results.size() != expected.size())
      throw ScheduleError("results differ in size: " + std::to_string(expected.size()) + " bytes with " +
                          to_string(all.front()) + ", " + std::to_string(results.size()) + " with " +
                          to_string(one));
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i] != expected[i])
        throw ScheduleError("results depend on the order: byte " + std::to_string(i) + " of " +
                            std::to_string(results.size()) + " with " + to_string(one) +
                            " is not what it is with " + to_string(all.front()));
    }
  }
}

}  // namespace inpaint::executor
