// total_variation on CUDA; contract in total_variation.h. Memory-bound: x read once from memory (its
// neighbours come from the caches), dx written once (and read, where it is added to).
#include "kernels/cuda/grad_mode_cuda.h"
#include "kernels/cuda/partial_sums_cuda.h"
#include "kernels/cuda/sign_cuda.h"
#include "kernels/loss/total_variation.h"

namespace inpaint::cuda {
namespace {

struct Pictures {
  int64_t n;
  unsigned h, row, c;  // row: values of a row of pixels
  unsigned packs;      // packs of a row; the last may be cut off by the row's end
};

// The values that lie c after those of `here`, in this row: its own where the row ends, so that they differ
// by 0.
template <int N, typename T>
__device__ Pack<T, N> right_of(const Pack<T, N>& here, const T* row, const Pictures& s, unsigned at) {
  Pack<T, N> right = here;
#pragma unroll
  for (int k = 0; k < N; ++k)
    if (at + k + s.c < s.row) right[k] = row[at + k + s.c];
  return right;
}

template <int N, typename T>
__device__ Pack<T, N> left_of(const Pack<T, N>& here, const T* row, const Pictures& s, unsigned at) {
  Pack<T, N> left = here;
#pragma unroll
  for (int k = 0; k < N; ++k)
    if (at + k >= s.c && at + k < s.row) left[k] = row[at + k - s.c];
  return left;
}

// The blocks' x goes over a picture's packs, their y over pictures. Each difference is counted once, by the
// value above or on the left of it.
// sm_90: at most 80 registers, 128-bit loads, 128-bit stores
template <Write W, bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    total_variation_kernel(Pictures s, const T* __restrict__ x, Compute<T> scale, T* __restrict__ dx,
                           LaunchSum loss) {
  constexpr int kSize = Pack<T>::kSize;
  double sum = 0;
  for (int64_t n = blockIdx.y; n < s.n; n += gridDim.y)
    for (auto p = static_cast<unsigned>(global_thread()); p < s.h * s.packs; p += gridDim.x * blockDim.x) {
      const unsigned i = p / s.packs, at = (p - i * s.packs) * kSize;
      const int64_t begin = (n * s.h + i) * s.row;
      const T* const row = x + begin;
      const Pack<T> here = load<kPacked, kSize>(row, at, s.row);
      const Pack<T> down = i + 1 < s.h ? load<kPacked, kSize>(row + s.row, at, s.row) : here;
      const Pack<T> right = right_of(here, row, s, at);
      Compute<T> gradient[kSize];
#pragma unroll
      for (int k = 0; k < kSize; ++k) {
        const Compute<T> d = value_of(down[k]) - value_of(here[k]),
                         r = value_of(right[k]) - value_of(here[k]);
        sum += fabs(static_cast<double>(d)) + fabs(static_cast<double>(r));
        gradient[k] = -sign(d) - sign(r);
      }
      if constexpr (W != Write::kNothing) {
        const Pack<T> up = i > 0 ? load<kPacked, kSize>(row - s.row, at, s.row) : here;
        const Pack<T> left = left_of(here, row, s, at);
#pragma unroll
        for (int k = 0; k < kSize; ++k) {
          const Compute<T> value = value_of(here[k]);
          gradient[k] += sign(value - value_of(up[k])) + sign(value - value_of(left[k]));
          gradient[k] *= scale;
        }
        write_gradient<W, kPacked>(gradient, dx + begin, at, s.row);
      }
    }
  loss.add(sum);
}

struct Blocks {
  int64_t per_picture, pictures;
  int64_t all() const { return per_picture * pictures; }
};

Blocks blocks_of(const Shape& x, int64_t pack) {
  const int64_t per_picture = blocks_1d(x[1] * ((x[2] * x[3] + pack - 1) / pack));
  return {per_picture, std::min(x[0], std::max<int64_t>(1, kMaxBlocks1d / per_picture))};
}

}  // namespace

// Packs of one value make the most blocks, but for the bound that all stay below.
int64_t total_variation_workspace_bytes(const Context& ctx, const Shape& x) {
  return LaunchSum::workspace_bytes(ctx, std::min(x[0] * blocks_of(x, 1).per_picture, kMaxBlocks1d));
}

void total_variation(const Context& ctx, const Tensor& x, double weight, const Tensor& loss, const Tensor* dx,
                     GradMode mode) {
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    constexpr int kSize = Pack<D>::kSize;
    const int64_t row = x.shape[2] * x.shape[3];
    INPAINT_CHECK(x.shape[1] * row < int64_t{1} << 31, "total_variation: pictures of {}", to_string(x.shape));
    const Pictures s = {x.shape[0], static_cast<unsigned>(x.shape[1]), static_cast<unsigned>(row),
                        static_cast<unsigned>(x.shape[3]), static_cast<unsigned>((row + kSize - 1) / kSize)};
    const Blocks blocks = blocks_of(x.shape, kSize);
    const LaunchSum sum(ctx, blocks.all(), static_cast<double>(s.n), loss.as<double>());
    const D* const xs = data_of<T>(x);
    D* const dxs = dx == nullptr ? nullptr : data_of<T>(*dx);
    const auto scale = static_cast<Compute<D>>(weight / static_cast<double>(s.n));
    visit_write(dx != nullptr, mode, [&]<Write W>(std::integral_constant<Write, W>) {
      const auto kernel = row % kSize == 0 && can_pack<kSize>(xs, dxs) ? total_variation_kernel<W, true, D>
                                                                       : total_variation_kernel<W, false, D>;
      launch("total_variation", ctx.stream(),
             dim3(static_cast<unsigned>(blocks.per_picture), static_cast<unsigned>(blocks.pictures)),
             dim3(kBlockThreads), 0, kernel, s, xs, scale, dxs, sum);
    });
  });
}

}  // namespace inpaint::cuda
