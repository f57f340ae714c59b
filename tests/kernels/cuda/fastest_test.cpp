#include <doctest/doctest.h>

#include <vector>

#include "core/base/error.h"
#include "core/device/cuda_check.h"
#include "kernels/cuda/fastest_cuda.h"
#include "tests/harness/error_message.h"

using namespace inpaint;

namespace {

bool no_gpu() { return Context::gpu_count() == 0; }

// Ways to fill memory: quick and slow ones, one that cannot be recorded because it waits, one that fails.
struct Ways {
  enum Way { kQuick, kSlow, kWaits, kFails };

  int fastest(const std::vector<Way>& ways) {
    return cuda::fastest(ctx, static_cast<int>(ways.size()),
                         [&](int i) { run(ways[static_cast<size_t>(i)]); });
  }

  void run(Way way) {
    if (way == kFails) throw Error("no engine for this shape");
    const int times = way == kSlow ? 40 : 1;
    for (int i = 0; i < times; ++i)
      INPAINT_CUDA_CHECK(
          cudaMemsetAsync(memory.data(), i, static_cast<size_t>(memory.bytes()), ctx.stream()));
    if (way == kWaits) INPAINT_CUDA_CHECK(cudaStreamSynchronize(ctx.stream()));
  }

  Context ctx{Gpu{}, 1};
  Buffer memory{int64_t{4} << 20, Device::kCuda};
};

}  // namespace

// Other work of the machine may slow a way down: a few tries.
TEST_CASE("fastest: the quickest of several, wherever it stands" * doctest::skip(no_gpu())) {
  Ways ways;
  const auto finds = [&](const std::vector<Ways::Way>& given, int quickest) {
    for (int attempt = 0; attempt < 5; ++attempt)
      if (ways.fastest(given) == quickest) return true;
    return false;
  };
  CHECK(finds({Ways::kQuick}, 0));
  CHECK(finds({Ways::kQuick, Ways::kSlow}, 0));
  CHECK(finds({Ways::kSlow, Ways::kQuick}, 1));
  CHECK(finds({Ways::kSlow, Ways::kSlow, Ways::kQuick, Ways::kSlow}, 2));
}

TEST_CASE("fastest: what fails or cannot be recorded is out, however quick" * doctest::skip(no_gpu())) {
  Ways ways;
  CHECK(ways.fastest({Ways::kWaits, Ways::kSlow}) == 1);
  CHECK(ways.fastest({Ways::kFails, Ways::kWaits, Ways::kSlow, Ways::kFails}) == 2);
  CHECK(error_message<Error>([&] {
          ways.fastest({Ways::kWaits, Ways::kFails});
        }) == "no engine for this shape");
  CHECK_THROWS_AS(ways.fastest({Ways::kFails, Ways::kWaits}), Error);
  CHECK_THROWS_AS(ways.fastest({}), Error);
  CHECK(cudaPeekAtLastError() == cudaSuccess);  // that would be taken for the next kernel's
}

TEST_CASE("fastest: the user's fault is no way's fault" * doctest::skip(no_gpu())) {
  Ways ways;
  CHECK_THROWS_AS(cuda::fastest(ways.ctx, 2,
                                [&](int i) {
                                  if (i == 0) user_error("no memory");
                                  ways.run(Ways::kQuick);
                                }),
                  UserError);
}
