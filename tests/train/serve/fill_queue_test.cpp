#include "train/serve/fill_queue.h"

#include <doctest/doctest.h>

#include <atomic>
#include <latch>
#include <vector>

using namespace inpaint;

namespace {

struct Counts {
  std::atomic<int> run = 0, cancelled = 0;

  FillQueue::Job job() {
    return {.run = [this] { ++run; }, .cancel = [this] { ++cancelled; }};
  }
};

}  // namespace

TEST_CASE("fill queue: one job runs, so many wait, more are refused, and close cancels what waits") {
  Counts counts;
  std::latch started(1), may_end(1);
  FillQueue queue(2);
  CHECK_FALSE(queue.is_full());
  REQUIRE(queue.push({.run = [&] { started.count_down(), may_end.wait(), ++counts.run; }, .cancel = [] {}}));
  started.wait();
  CHECK(queue.push(counts.job()));
  CHECK_FALSE(queue.is_full());
  CHECK(queue.push(counts.job()));
  CHECK(queue.is_full());
  CHECK_FALSE(queue.push(counts.job()));
  CHECK(counts.run == 0);
  std::thread closing([&] { queue.close(); });
  while (counts.cancelled < 2) std::this_thread::yield();
  CHECK_FALSE(queue.push(counts.job()));
  may_end.count_down();
  closing.join();
  CHECK(counts.run == 1);
  CHECK(counts.cancelled == 2);
  CHECK(queue.is_full());
}

TEST_CASE("fill queue: every job runs once, in the order it came, one at a time") {
  std::vector<int> order;
  std::latch done(50);
  FillQueue queue(50);
  for (int k = 0; k < 50; ++k)
    REQUIRE(queue.push({.run = [&, k] { order.push_back(k), done.count_down(); }, .cancel = [] {}}));
  done.wait();
  queue.close();
  REQUIRE(order.size() == 50);
  CHECK(std::is_sorted(order.begin(), order.end()));
}
