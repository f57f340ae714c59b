// Sound kernels give the right results in every order, and nothing is found wrong with them.

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>

#include "tests/cuda_executor/executor.h"
#include "tests/cuda_executor/proofs/device_array.h"
#include "tests/cuda_executor/proofs/sample_kernels.h"

namespace inpaint {
namespace {

std::vector<float> some_floats(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = std::sin(static_cast<float>(i) * 0.7f) * 100.0f;
  return values;
}

// Runs the body, which returns values, in every order; they have to agree, and are returned.
template <typename F>
auto run_in_every_schedule(F body) {
  decltype(body()) results;
  executor::in_every_schedule([&] { return results = body(); });
  CHECK(executor::take_violations().empty());
  CHECK(executor::leaks().empty());
  return results;
}

TEST_CASE("a sum over blocks, warps and shared memory is right, and the same bits in every order") {
  for (const size_t n : {1u, 31u, 128u, 129u, 5000u}) {
    const std::vector<float> x = some_floats(n);
    const std::vector<float> sum = run_in_every_schedule([&] {
      const DeviceArray<float> in(x), partial(static_cast<size_t>(samples::sum_blocks(int64_t(n)))), out(1);
      const DeviceArray<unsigned> ticket(1, 0u);
      samples::sum(nullptr, in, static_cast<int64_t>(n), partial, ticket, out);
      CHECK(ticket.values()[0] == 0);
      return out.values();
    });
    const double expected = std::accumulate(x.begin(), x.end(), 0.0);
    CHECK(std::abs(sum[0] - expected) < 1e-3);
  }
}

TEST_CASE("16-byte loads and stores, and their tails") {
  for (const size_t n : {1u, 3u, 4u, 1025u, 4099u}) {
    const std::vector<float> x = some_floats(n);
    const std::vector<float> y = run_in_every_schedule([&] {
      const DeviceArray<float> in(x), out(n);
      samples::scale(nullptr, in, static_cast<int64_t>(n), 2.0f, out);
      return out.values();
    });
    for (size_t i = 0; i < n; ++i) CHECK(y[i] == 2.0f * x[i]);
  }
}

TEST_CASE("two-dimensional blocks, barriers and dynamic shared memory, also beyond 48 KiB") {
  for (const int tile : {8, 32}) {
    const int rows = 37, columns = 70;
    const std::vector<float> x = some_floats(rows * columns);
    const std::vector<float> y = run_in_every_schedule([&] {
      const DeviceArray<float> in(x), out(x.size());
      samples::transpose(nullptr, in, rows, columns, tile, out);
      return out.values();
    });
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < columns; ++c)
        CHECK(y[static_cast<size_t>(c * rows + r)] == x[static_cast<size_t>(r * columns + c)]);
    }
  }
}

TEST_CASE("conversion to bfloat16 rounds to nearest, ties to even") {
  const std::vector<std::pair<uint32_t, uint32_t>> cases = {
      {0x3f800000, 0x3f80}, {0x3f807fff, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f808001, 0x3f81},
      {0x3f818000, 0x3f82}, {0x80000000, 0x8000}, {0x7f7fffff, 0x7f80}, {0xff800000, 0xff80},
      {0x00000001, 0x0000}, {0x7f800001, 0x7fff},
  };
  std::vector<float> x;
  for (const auto& [bits, rounded] : cases) x.push_back(std::bit_cast<float>(bits));
  const std::vector<uint32_t> y = run_in_every_schedule([&] {
    const DeviceArray<float> in(x);
    const DeviceArray<uint32_t> out(x.size() / 2);
    samples::to_bf16(nullptr, in, static_cast<int64_t>(x.size()), out);
    return out.values();
  });
  for (size_t i = 0; i < cases.size(); ++i) CHECK((y[i / 2] >> (16 * (i % 2)) & 0xffff) == cases[i].second);
}

TEST_CASE("vectors seen as other types, structures as arguments, constant memory") {
  const std::vector<uint32_t> x = {0,          0,          0,          0,
                                   0x40003f80, 0x40804040, 0x40c040a0, 0x410040e0};  // 8 zeros, 1 to 8
  const std::vector<float> y = run_in_every_schedule([&] {
    const DeviceArray<uint32_t> in(x);
    const DeviceArray<float> out(8);
    samples::from_bf16(nullptr, {8, 8}, in, out);
    return out.values();
  });
  CHECK(y == std::vector<float>{1, 4, 12, 32, 5, 12, 28, 64});
}

TEST_CASE("atomics on shared and on global memory count every thread once") {
  std::vector<uint8_t> x(3001);
  std::vector<unsigned> expected(256);
  for (size_t i = 0; i < x.size(); ++i) ++expected[x[i] = static_cast<uint8_t>(i * i)];
  CHECK(expected == run_in_every_schedule([&] {
          const DeviceArray<uint8_t> in(x);
          const DeviceArray<unsigned> counts(256, 0u);
          samples::histogram(nullptr, in, static_cast<int64_t>(x.size()), counts);
          return counts.values();
        }));
}

TEST_CASE("every thread knows its place") {
  const dim3 grid(3, 2, 2), block(5, 4, 3);
  const std::vector<unsigned> out = run_in_every_schedule([&] {
    const DeviceArray<unsigned> places(12 * 12 * 60);
    samples::places(nullptr, grid, block, places);
    return places.values();
  });
  const unsigned* mine = out.data();
  for (unsigned b = 0; b < 12; ++b) {
    for (unsigned t = 0; t < 60; ++t, mine += 12) {
      const unsigned expected[12] = {t % 5, t / 5 % 4, t / 20, b % 3, b / 3 % 2, b / 6, 5, 4, 3, 3, 2, 2};
      CHECK(std::memcmp(mine, expected, sizeof(expected)) == 0);
    }
  }
}

TEST_CASE("shuffles, votes and reductions of a warp, whole and in part") {
  const int threads = 32 + 12;  // the last warp is short
  const int width = 8;
  const std::vector<int> out = run_in_every_schedule([&] {
    const DeviceArray<int> results(static_cast<size_t>(samples::kWarpResults * threads));
    samples::warp_results(nullptr, threads, width, results);
    return results.values();
  });
  for (int i = 0; i < threads; ++i) {
    const int first = i / 32 * 32, lanes = std::min(32, threads - first), segment = i / width * width;
    const auto row = [&](int r) { return out[static_cast<size_t>(r * threads + i)]; };
    const int down_width = lanes == 32 ? width : 2;
    CAPTURE(i);
    CHECK(row(0) == 100 + segment + 3);
    CHECK(row(1) == 100 + (i - segment >= 2 ? i - 2 : i));
    CHECK(row(2) == 100 + (i % down_width + 1 < down_width ? i + 1 : i));
    CHECK(row(3) == 100 + (i ^ 1));
    unsigned ballot = 0, all = ~0u, some = 0, odd = 0;
    int sum = 0;
    for (int lane = 0; lane < lanes; ++lane) {
      const int j = first + lane;
      ballot |= static_cast<unsigned>(j % 3 == 0) << lane;
      sum += j - 20;
      all &= 0xf0u | static_cast<unsigned>(j);
      some |= 1u << lane;
      odd ^= static_cast<unsigned>(j);
    }
    CHECK(static_cast<unsigned>(row(4)) == ballot);
    CHECK(row(5) == (first == 0));
    CHECK(row(6) == (first != 0));
    CHECK(row(7) == sum);
    CHECK(row(8) == first - 20);
    CHECK(row(9) == first + lanes - 1 - 20);
    CHECK(row(10) == (first == 0 ? -1 : first + lanes - 1 - 20));  // -1 is the largest unsigned number
    CHECK(static_cast<unsigned>(row(11)) == all);
    CHECK(static_cast<unsigned>(row(12)) == some);
    CHECK(static_cast<unsigned>(row(13)) == odd);
    CHECK(static_cast<unsigned>(row(14)) == some);
    CHECK(row(15) == first + (i % 2 == 0 ? 2 : 1));
  }
}

TEST_CASE("counting barriers") {
  for (const auto& [threads, multiples] : {std::pair{70, 24}, std::pair{1, 1}}) {
    const auto n = static_cast<size_t>(threads);
    const std::vector<int> out = run_in_every_schedule([&, count = threads] {
      const DeviceArray<int> results(3 * n);
      samples::barrier_results(nullptr, count, results);
      return results.values();
    });
    for (size_t i = 0; i < n; ++i) {
      CHECK(out[i] == multiples);
      CHECK(out[n + i] == (n == 1));
      CHECK(out[2 * n + i] == 1);
    }
  }
}

TEST_CASE("__syncwarp orders the lanes' shared memory, as often as wanted") {
  const std::vector<int> out = run_in_every_schedule([&] {
    const DeviceArray<int> results(96);
    samples::warp_rounds(nullptr, 96, results);
    return results.values();
  });
  for (int i = 0; i < 96; ++i) CHECK(out[static_cast<size_t>(i)] == i);
}

TEST_CASE("an empty grid is no launch, and one too large is an error that names the op") {
  const auto before = executor::counters().kernel_launches;
  samples::scale(nullptr, nullptr, 0, 1.0f, nullptr);
  CHECK(executor::counters().kernel_launches == before);
  CHECK_THROWS_WITH_AS(samples::warp_rounds(nullptr, 1025, nullptr),
                       doctest::Contains("warp_rounds: 1 x 1 x 1 blocks of 1025 x 1 x 1 threads, 0 bytes of "
                                         "shared memory: invalid configuration argument"),
                       Error);
  CHECK_THROWS_WITH_AS(samples::transpose(nullptr, nullptr, 1, 1, 300, nullptr),
                       doctest::Contains("transpose: "), Error);
  CHECK(cudaGetLastError() == cudaSuccess);
}

}  // namespace
}  // namespace inpaint
