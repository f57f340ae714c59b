// What GPUs sum of the values of ranks, beside what the ranks on CPUs do, to the bit.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "core/device/copy.h"
#include "kernels/ranks/over_ranks_cuda.h"
#include "tests/harness/thread_ranks.h"

using namespace inpaint;

namespace {

bool no_gpu() { return Context::gpu_count() == 0; }

// Values of a rank whose sum depends on the order: large ones that cancel, and small ones.
template <typename T>
std::vector<T> values_of(int rank, int64_t n) {
  std::vector<T> values;
  for (int64_t i = 0; i < n; ++i) {
    const double large = std::ldexp(1.0, 60) * ((rank + i) % 2 == 0 ? 1 : -1);
    values.push_back(static_cast<T>((rank + i) % 3 == 0 ? large : 1.0 / static_cast<double>(3 + rank + i)));
  }
  return values;
}

template <typename T>
Tensor host_tensor(std::vector<T>& values) {
  return {{std::ssize(values)}, kDTypeOf<T>, Device::kCpu, values.data()};
}

template <typename T>
Buffer on_device(const Context& ctx, std::vector<T> values) {
  const Tensor host = host_tensor(values);
  Buffer memory(host.bytes(), ctx.device());
  upload(ctx, host, memory.tensor(host.shape, host.dtype));
  ctx.synchronize();
  return memory;
}

template <typename T>
std::vector<T> of_others(int rank, int count, const std::function<std::vector<T>(int)>& values) {
  std::vector<T> others;
  for (int peer = 0; peer < count; ++peer) {
    if (peer == rank) continue;
    const std::vector<T> theirs = values(peer);
    others.insert(others.end(), theirs.begin(), theirs.end());
  }
  return others;
}

template <typename T>
std::vector<T> host_values(const Context& ctx, const Tensor& tensor) {
  const HostCopy host(ctx, tensor);
  return {host->as<T>(), host->as<T>() + host->elements()};
}

template <typename T>
void check_means(int count, int64_t n) {
  std::vector<std::vector<T>> want(static_cast<size_t>(count));
  run_ranks(count, [&](Ranks& ranks) {
    std::vector<T>& values = want[static_cast<size_t>(ranks.rank())] = values_of<T>(ranks.rank(), n);
    ranks.mean(host_tensor(values));
  });
  const Context ctx(Gpu{}, 1);
  for (int rank = 0; rank < count; ++rank) {
    CAPTURE(rank);
    const Buffer mine = on_device(ctx, values_of<T>(rank, n)),
                 others = on_device(
                     ctx, of_others<T>(rank, count, [n](int peer) { return values_of<T>(peer, n); }));
    const Tensor values = mine.tensor({n}, kDTypeOf<T>);
    cuda::sum_over_ranks(ctx, others.tensor({(count - 1) * n}, kDTypeOf<T>), rank, 1.0 / count, values);
    CHECK(host_values<T>(ctx, values) == want[static_cast<size_t>(rank)]);
  }
}

}  // namespace

TEST_CASE("over_ranks: means are the bits of the CPUs' ranks, in their order" * doctest::skip(no_gpu())) {
  for (const int count : {2, 3, 5})
    for (const int64_t n : {1, 300}) {
      CAPTURE(count);
      check_means<float>(count, n);
      check_means<double>(count, n);
    }
}

TEST_CASE("over_ranks: means and variances of the rows of all" * doctest::skip(no_gpu())) {
  constexpr int kCount = 3, kRows = 4;
  constexpr int64_t kChannels = 5;
  const auto row = [](int rank, int64_t c, int r) {
    return 0.3 * rank * (c + 1) + 0.7 * r + 0.1 * (r * r % 3);
  };
  const auto statistics = [&](int first, int last) {  // of the rows of these ranks: means, variances
    std::vector<double> values(2 * kChannels);
    for (int64_t c = 0; c < kChannels; ++c) {
      double sum = 0, squares = 0;
      for (int rank = first; rank < last; ++rank)
        for (int r = 0; r < kRows; ++r) sum += row(rank, c, r);
      const double mean = sum / ((last - first) * kRows);
      for (int rank = first; rank < last; ++rank)
        for (int r = 0; r < kRows; ++r) squares += (row(rank, c, r) - mean) * (row(rank, c, r) - mean);
      values[static_cast<size_t>(c)] = mean;
      values[static_cast<size_t>(kChannels + c)] = squares / ((last - first) * kRows);
    }
    return values;
  };
  const Context ctx(Gpu{}, 1);
  const std::vector<double> want = statistics(0, kCount);
  for (int rank = 0; rank < kCount; ++rank) {
    const Buffer mine = on_device(ctx, statistics(rank, rank + 1)),
                 others = on_device(ctx, of_others<double>(rank, kCount, [&](int peer) {
                                      return statistics(peer, peer + 1);
                                    }));
    const Tensor both = mine.tensor({2 * kChannels}, DType::kF64);
    cuda::merge_over_ranks(ctx, others.tensor({(kCount - 1) * 2 * kChannels}, DType::kF64), rank,
                           both.slice(0, kChannels), both.slice(kChannels, kChannels));
    const std::vector<double> got = host_values<double>(ctx, both);
    for (size_t i = 0; i < want.size(); ++i) CHECK(got[i] == doctest::Approx(want[i]).epsilon(1e-13));
  }
}
