// What kernels move is counted: bytes of threads, accesses of warps, sectors.

#include <doctest/doctest.h>

#include "tests/cuda_executor/executor.h"
#include "tests/cuda_executor/proofs/device_array.h"
#include "tests/cuda_executor/proofs/sample_kernels.h"

namespace inpaint {
namespace {

using executor::Traffic;

// The traffic of the one kernel that the body launches.
template <typename F>
Traffic counted(F body) {
  executor::set_traffic_count(true);
  body();
  INPAINT_CUDA_CHECK(cudaDeviceSynchronize());
  const std::vector<Traffic> all = executor::take_traffic();
  executor::set_traffic_count(false);
  CHECK(executor::take_traffic().empty());
  REQUIRE(all.size() == 1);
  return all[0];
}

void check(const Traffic::Accesses& got, const Traffic::Accesses& want) {
  CHECK(got.of_threads == want.of_threads);
  CHECK(got.bytes == want.bytes);
  CHECK(got.of_warps == want.of_warps);
  CHECK(got.sectors == want.sectors);
  CHECK(got.different_sectors == want.different_sectors);
}

TEST_CASE("traffic: packs of 16 bytes, 32 of them an access of 16 sectors" *
          doctest::skip(!executor::kCountsTraffic)) {
  const DeviceArray<float> x(1024, 1.0f), y(1024);
  const Traffic::Accesses once{256, 4096, 8, 128, 128}, twice{512, 8192, 16, 256, 256};
  const Traffic one = counted([&] { samples::scale(nullptr, x, 1024, 2, y); });
  CHECK(one.launches == 1);
  CHECK(one.kernel.find("scale_kernel") != std::string::npos);
  check(one.reads, once);
  check(one.writes, once);
  check(one.atomics, {});
  const Traffic two = counted([&] {
    for (int i = 0; i < 2; ++i) samples::scale(nullptr, x, 1024, 2, y);
  });
  CHECK(two.launches == 2);
  check(two.reads, twice);
}

TEST_CASE("traffic: shared memory is not counted, but how much of it a block has" *
          doctest::skip(!executor::kCountsTraffic)) {
  const DeviceArray<float> x(32 * 32, 1.0f), y(32 * 32);
  const Traffic traffic = counted([&] { samples::transpose(nullptr, x, 32, 32, 32, y); });
  CHECK(traffic.dynamic_shared_bytes == 32 * 33 * 4);
  check(traffic.reads, {1024, 4096, 32, 128, 128});
  check(traffic.writes, {1024, 4096, 32, 128, 128});
}

TEST_CASE("traffic: lanes that leave out different turns of a loop do not make one access" *
          doctest::skip(!executor::kCountsTraffic)) {
  const DeviceArray<float> x(32 * 6, 1.0f), out(32);
  const Traffic traffic = counted([&] { samples::every_other_turn(nullptr, x, 6, out); });
  check(traffic.reads, {6 * 16, 6 * 16 * 4, 6, 6 * 4, 6 * 4});
  check(traffic.writes, {32, 128, 1, 4, 4});
}

TEST_CASE("traffic: atomics on one address, in whatever order blocks and lanes run" *
          doctest::skip(!executor::kCountsTraffic)) {
  const executor::Schedule before = executor::schedule();
  for (const executor::Schedule& schedule : executor::schedules()) {
    executor::set_schedule(schedule);
    const DeviceArray<float> x(5000, 1.0f), partial(static_cast<size_t>(samples::sum_blocks(5000))), out(1);
    const DeviceArray<unsigned> ticket(1, 0u);
    const Traffic traffic = counted([&] { samples::sum(nullptr, x, 5000, partial, ticket, out); });
    const int64_t blocks = samples::sum_blocks(5000);
    check(traffic.atomics, {blocks, 4 * blocks, blocks, blocks, 1});
    CHECK(traffic.reads.bytes == 4 * 5000 + 4 * blocks);
  }
  executor::set_schedule(before);
}

}  // namespace
}  // namespace inpaint
