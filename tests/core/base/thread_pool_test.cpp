#include "core/base/thread_pool.h"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

using namespace inpaint;

TEST_CASE("thread pool: every task runs once, on a worker in range, for any number of threads") {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (const int count : {0, 1, 2, 100}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(count));
      std::atomic<bool> in_range = true;
      pool.run(count, [&](int64_t index, int worker) {
        ++runs[static_cast<size_t>(index)];
        if (worker < 0 || worker >= threads) in_range = false;
      });
      for (const auto& n : runs) CHECK(n == 1);
      CHECK(in_range);
    }
  }
}

TEST_CASE("thread pool: an exception reaches the caller and the pool goes on") {
  ThreadPool pool(3);
  CHECK_THROWS_AS(pool.run(50,
                           [](int64_t index, int) {
                             if (index == 7) throw std::runtime_error("seven");
                           }),
                  std::runtime_error);
  std::atomic<int> sum = 0;
  pool.run(10, [&](int64_t, int) { ++sum; });
  CHECK(sum == 10);
}
