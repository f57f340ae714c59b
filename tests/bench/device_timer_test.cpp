#include "bench/device_timer.h"

#include <doctest/doctest.h>

#include "bench/machine_rates.h"
#ifdef INPAINT_CUDA_EXECUTOR
#include "tests/cuda_executor/executor.h"
#endif

using namespace inpaint;
using namespace inpaint::bench;

TEST_CASE("device timer: the work runs once for each time that is asked for, after it has warmed up") {
  const Context ctx(1);
  int runs = 0;
  DeviceTimer timer(ctx, Caches::kWarm, [&] { ++runs; });
  CHECK(runs > 0);
  const int before = runs;
  CHECK(timer.seconds() >= 0);
  CHECK(runs == before + 1);
}

#ifdef INPAINT_CUDA_EXECUTOR
TEST_CASE("device timer: on a GPU one graph of repetitions is timed as a whole") {
  const Context ctx(Gpu{}, 1);
  const Buffer memory(128, Device::kCuda);
  const Tensor from = memory.tensor({64}, DType::kU8), to = memory.tensor({64}, DType::kU8, 64);
  for (const Caches caches : {Caches::kWarm, Caches::kCold}) {
    int runs = 0;
    DeviceTimer timer(ctx, caches, [&] {
      ++runs;
      copy_bytes(ctx, from, to);
    });
    CHECK(runs >= 20);  // plainly, and into the recording
    const int before = runs;
    const executor::Counters start = executor::counters();
    CHECK(timer.seconds() >= 0);
    CHECK(runs == before);
    // With cold caches a second graph tells how long clearing them takes.
    CHECK(executor::counters().graph_launches == start.graph_launches + (caches == Caches::kWarm ? 1 : 2));
  }
}
#endif
