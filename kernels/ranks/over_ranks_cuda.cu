#include "kernels/cuda/launch.h"
#include "kernels/ranks/over_ranks_cuda.h"

namespace inpaint::cuda {
namespace {

// The values number i of all ranks: those of the others, `stride` apart, and mine.
template <typename T>
struct OfRanks {
  const T* others;
  int64_t stride;
  int count, rank;

  __device__ double at(int of, int64_t i, T mine) const {
    return static_cast<double>(of == rank ? mine : others[(of < rank ? of : of - 1) * stride + i]);
  }
};

// sm_90: at most 32 registers
template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    sum_over_ranks_kernel(int64_t n, OfRanks<T> ranks, double share, T* __restrict__ values) {
  for (int64_t i = global_thread(); i < n; i += grid_threads()) {
    const T mine = values[i];
    double sum = 0;
    for (int of = 0; of < ranks.count; ++of) sum += ranks.at(of, i, mine);
    values[i] = static_cast<T>(sum * share);
  }
}

// sm_90: at most 32 registers
template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    merge_over_ranks_kernel(int64_t channels, OfRanks<T> ranks, double share, T* __restrict__ means,
                            T* __restrict__ variances) {
  for (int64_t c = global_thread(); c < channels; c += grid_threads()) {
    const T mean = means[c], variance = variances[c];
    double middle = 0, spread = 0;
    for (int of = 0; of < ranks.count; ++of) middle += ranks.at(of, c, mean) * share;
    for (int of = 0; of < ranks.count; ++of) {
      const double off = ranks.at(of, c, mean) - middle;
      spread += (ranks.at(of, channels + c, variance) + off * off) * share;
    }
    means[c] = static_cast<T>(middle);
    variances[c] = static_cast<T>(spread);
  }
}

int ranks_of(const Tensor& others, int64_t each) { return static_cast<int>(others.elements() / each) + 1; }

}  // namespace

void sum_over_ranks(const Context& ctx, const Tensor& others, int rank, double share, const Tensor& values) {
  const int64_t n = values.elements();
  if (n == 0) return;
  visit_real(values.dtype, [&]<typename T>(T) {
    launch_1d("sum_over_ranks", ctx.stream(), n, sum_over_ranks_kernel<T>, n,
              OfRanks<T>{others.as<T>(), n, ranks_of(others, n), rank}, share, values.as<T>());
  });
}

void merge_over_ranks(const Context& ctx, const Tensor& others, int rank, const Tensor& mean,
                      const Tensor& variance) {
  const int64_t channels = mean.elements();
  const int count = ranks_of(others, 2 * channels);
  visit_real(mean.dtype, [&]<typename T>(T) {
    launch_1d("merge_over_ranks", ctx.stream(), channels, merge_over_ranks_kernel<T>, channels,
              OfRanks<T>{others.as<T>(), 2 * channels, count, rank}, 1.0 / count, mean.as<T>(),
              variance.as<T>());
  });
}

}  // namespace inpaint::cuda
