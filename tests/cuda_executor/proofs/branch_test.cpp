// Streams of contexts: branches, and what holds when a context or a recording is gone.
#include "core/device/branch.h"

#include <doctest/doctest.h>

#include <cstring>

#include "core/device/copy.h"
#include "core/device/recording.h"
#include "tests/cuda_executor/executor.h"
#include "tests/harness/error_message.h"

namespace inpaint {
namespace {

// Four numbers of the device's memory, each f64[1].
struct Numbers {
  Buffer memory{4 * 8, Device::kCuda};

  Tensor operator[](int i) const { return memory.tensor({1}, DType::kF64, i * 8); }
  void set(const Context& ctx, std::vector<double> values) const {
    upload(ctx, {{4}, DType::kF64, Device::kCpu, values.data()}, memory.tensor({4}, DType::kF64));
    ctx.synchronize();
  }
  std::string bytes(const Context& ctx) const {
    std::string bytes(32, '\0');
    download(ctx, memory.tensor({32}, DType::kU8), {{32}, DType::kU8, Device::kCpu, bytes.data()});
    return bytes;
  }
};

TEST_CASE("a branch begins behind what its context has, and what follows a join waits for it") {
  // 0 to 1 before the fork, 1 to 2 on the branch, 2 to 3 behind the join.
  const auto chain = [](bool with_join, bool recorded) {
    Context ctx(Gpu{}, 1);
    const Numbers numbers;
    numbers.set(ctx, {1, 2, 3, 4});
    Branch branch(ctx, Urgency::kBackground);
    Recording recording;
    const auto work = [&] {
      copy_on_device(ctx, numbers[0], numbers[1]);
      copy_on_device(branch.fork(), numbers[1], numbers[2]);
      if (with_join) branch.join();
      copy_on_device(ctx, numbers[2], numbers[3]);
      branch.join();
    };
    if (recorded) {
      recording.run(ctx, work);
      numbers.set(ctx, {1, 2, 3, 4});
      recording.run(ctx, work);
    } else {
      work();
    }
    return numbers.bytes(ctx);
  };
  for (const bool recorded : {false, true}) {
    executor::in_every_schedule([&] {
      const std::string bytes = chain(true, recorded);
      double values[4];
      std::memcpy(values, bytes.data(), sizeof(values));
      for (const double value : values) CHECK(value == 1);
      return bytes;
    });
    CHECK_THROWS_AS(executor::in_every_schedule([&] { return chain(false, recorded); }),
                    executor::ScheduleError);
  }
  CHECK(executor::leaks().empty());
}

TEST_CASE("on the CPU a branch is the context itself") {
  Context ctx(1);
  Branch branch(ctx, Urgency::kNormal);
  CHECK(&branch.fork() == &ctx);
  branch.reserve_workspace([](const Context&) -> int64_t { throw Error("nothing to plan"); });
  branch.join();
}

TEST_CASE("the work of a context is done when the context is gone") {
  executor::in_every_schedule([] {
    const Numbers numbers;
    {
      Context ctx(Gpu{}, 1);
      numbers.set(ctx, {1, 2, 3, 4});
      copy_on_device(ctx, numbers[0], numbers[1]);
    }
    Context other(Gpu{}, 1);
    return numbers.bytes(other);
  });
}

TEST_CASE("the workspace stays where a recorded graph has seen it") {
  Context ctx(Gpu{}, 1);
  const Numbers numbers;
  ctx.reserve_workspace(64);
  {
    Recording recording;
    for (int i = 0; i < 2; ++i) recording.run(ctx, [&] { copy_on_device(ctx, numbers[0], numbers[1]); });
    ctx.reserve_workspace(64);
    CHECK(contains(error_message<Error>([&] { ctx.reserve_workspace(65); }), "a recorded CUDA graph"));
  }
  ctx.reserve_workspace(65);
}

}  // namespace
}  // namespace inpaint
