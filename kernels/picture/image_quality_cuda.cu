// Picture quality on CUDA; contract in image_quality.h. Integer sums, exact in any order; only the windows'
// figures of ssim are added in double, in a fixed order.
#include "kernels/cuda/block_sum_cuda.h"
#include "kernels/cuda/values_cuda.h"
#include "kernels/picture/image_quality.h"

namespace inpaint::cuda {
namespace {

constexpr int kWindow = static_cast<int>(kSsimWindow);

// The sums of all threads of a block, which works on one picture.
__device__ void write_errors(long long absolute, long long squared, double* absolute_error,
                             double* squared_error) {
  absolute = block_sum(absolute);
  __syncthreads();
  squared = block_sum(squared);
  if (threadIdx.x != 0) return;
  absolute_error[blockIdx.x] = static_cast<double>(absolute);
  squared_error[blockIdx.x] = static_cast<double>(squared);
}

// One block per picture. kPacked: all pictures begin at multiples of a pack's size.
// sm_90: at most 64 registers, 128-bit loads
template <bool kPacked>
__global__ void __launch_bounds__(kBlockThreads)
    byte_errors_kernel(const uint8_t* __restrict__ a, const uint8_t* __restrict__ b, int64_t values,
                       double* __restrict__ absolute_error, double* __restrict__ squared_error) {
  constexpr int kSize = 16;
  a += blockIdx.x * values;
  b += blockIdx.x * values;
  long long absolute = 0, squared = 0;
  for (int64_t i = kSize * int64_t{threadIdx.x}; i < values; i += kSize * kBlockThreads) {
    const auto x = load<kPacked, kSize>(a, i, values), y = load<kPacked, kSize>(b, i, values);
    int pack_absolute = 0, pack_squared = 0;
#pragma unroll
    for (int k = 0; k < kSize; ++k) {
      const int difference = int{x[k]} - int{y[k]};  // 0 behind the end
      pack_absolute += abs(difference);
      pack_squared += difference * difference;
    }
    absolute += pack_absolute;
    squared += pack_squared;
  }
  write_errors(absolute, squared, absolute_error, squared_error);
}

// One block per picture, one thread per pixel at a time.
// sm_90: at most 40 registers
__global__ void __launch_bounds__(kBlockThreads)
    masked_errors_kernel(const uint8_t* __restrict__ a, const uint8_t* __restrict__ b,
                         const uint8_t* __restrict__ mask, int64_t pixels, int c,
                         double* __restrict__ absolute_error, double* __restrict__ squared_error) {
  const int64_t picture = blockIdx.x * pixels;
  long long absolute = 0, squared = 0;
  for (int64_t p = threadIdx.x; p < pixels; p += kBlockThreads) {
    if (mask[picture + p] == 0) continue;
    const int64_t first = (picture + p) * c;
    for (int k = 0; k < c; ++k) {
      const int difference = int{a[first + k]} - int{b[first + k]};
      absolute += abs(difference);
      squared += difference * difference;
    }
  }
  write_errors(absolute, squared, absolute_error, squared_error);
}

// A picture's windows in bands of rows and tiles of a row's values: a block makes one tile of one band.
constexpr int kBand = 16;
constexpr int kTile = kBlockThreads;
constexpr int kSums = 5;  // of a, b, a^2, b^2 and a b

struct Windows {
  int row, c;         // values of a row of pixels, and of a pixel
  int rows, columns;  // windows of a picture: columns counts the values of a row at which one begins
  int64_t picture() const { return int64_t{rows + kWindow - 1} * row; }
  __host__ __device__ int bands() const { return (rows + kBand - 1) / kBand; }
  __host__ __device__ int tiles() const { return (columns + kTile - 1) / kTile; }
  int64_t blocks() const { return int64_t{bands()} * tiles(); }
};

// Adds a row's values to the sums over the 7 rows of each column, or takes them away again.
__device__ void add_to_columns(const uint8_t* a, const uint8_t* b, int count, int sign, int* columns) {
  for (int k = static_cast<int>(threadIdx.x); k < count; k += kTile) {
    const int x = a[k], y = b[k];
    columns[k] += sign * x;
    columns[count + k] += sign * y;
    columns[2 * count + k] += sign * x * x;
    columns[3 * count + k] += sign * y * y;
    columns[4 * count + k] += sign * x * y;
  }
}

// The formula of the CPU, with its roundings: integers up to the last scaling, and no fused multiply-add.
__device__ double window_ssim(const int* columns, int count, int k, int c) {
  constexpr double kC1 = (0.01 * 255) * (0.01 * 255), kC2 = (0.03 * 255) * (0.03 * 255);
  constexpr int kPixels = kWindow * kWindow;
  constexpr double kMean = 1.0 / (kPixels * kPixels);
  constexpr double kVariance = 1.0 / (kPixels * (kPixels - 1));
  int sums[kSums] = {};
#pragma unroll
  for (int i = 0; i < kSums; ++i)
#pragma unroll
    for (int t = 0; t < kWindow; ++t) sums[i] += columns[i * count + k + t * c];
  const int a = sums[0], b = sums[1], aa = sums[2], bb = sums[3], ab = sums[4];
  const auto term = [](double scale, int value, double constant) {
    return __dadd_rn(__dmul_rn(scale, value), constant);
  };
  const double numerator =
      __dmul_rn(term(kMean, 2 * a * b, kC1), term(kVariance, 2 * (kPixels * ab - a * b), kC2));
  const double denominator = __dmul_rn(term(kMean, a * a + b * b, kC1),
                                       term(kVariance, kPixels * aa - a * a + (kPixels * bb - b * b), kC2));
  return numerator / denominator;
}

// Adds a row's missing pixels to the numbers of missing pixels in 7 rows, for each value of the tile.
__device__ void add_missing(const uint8_t* mask, int first, int c, int count, int sign, int* missing) {
  for (int k = static_cast<int>(threadIdx.x); k < count; k += kTile)
    missing[k] += mask[(first + k) / c] != 0 ? sign : 0;
}

// What a block or a picture finds: the sums over windows with a missing centre and over those that hold a
// missing pixel, and their numbers. Doubles throughout.
constexpr int kFigures = 4;

// Grid: tiles x bands x pictures (as many of these as fit).
// sm_90: at most 64 registers
template <bool kMasked>
__global__ void __launch_bounds__(kTile)
    ssim_kernel(Windows s, int64_t pictures, int64_t picture, const uint8_t* __restrict__ a,
                const uint8_t* __restrict__ b, const uint8_t* __restrict__ mask,
                double* __restrict__ partial) {
  constexpr int kArrays = kSums + int{kMasked};
  int* const columns = dynamic_shared<int>();
  const int first = static_cast<int>(blockIdx.x) * kTile, row = static_cast<int>(blockIdx.y) * kBand;
  const int windows = min(kTile, s.columns - first), count = windows + (kWindow - 1) * s.c;
  const int last_row = min(row + kBand, s.rows) + kWindow - 1, width = s.row / s.c;
  const int mine = static_cast<int>(threadIdx.x);
  int* const missing = columns + kSums * count;
  for (int64_t n = blockIdx.z; n < pictures; n += gridDim.z) {
    const uint8_t *const from_a = a + n * picture + first, *const from_b = b + n * picture + first;
    const uint8_t* const from_mask = kMasked ? mask + n * (picture / s.c) : nullptr;
    for (int k = mine; k < kArrays * count; k += kTile) columns[k] = 0;
    __syncthreads();
    double centred = 0, touching = 0;
    int centred_windows = 0, touching_windows = 0;
    for (int i = row; i < last_row; ++i) {
      const int64_t at = int64_t{i} * s.row, leaving = at - int64_t{kWindow} * s.row;
      add_to_columns(from_a + at, from_b + at, count, 1, columns);
      if (kMasked) add_missing(from_mask + int64_t{i} * width, first, s.c, count, 1, missing);
      if (i >= row + kWindow) {
        add_to_columns(from_a + leaving, from_b + leaving, count, -1, columns);
        if (kMasked) add_missing(from_mask + int64_t{i - kWindow} * width, first, s.c, count, -1, missing);
      }
      if (i < row + kWindow - 1) continue;
      __syncthreads();
      if (mine < windows) {
        int in_window = 1;
        bool centre = true;
        if (kMasked) {
          in_window = 0;
          for (int t = 0; t < kWindow; ++t) in_window += missing[mine + t * s.c];
          centre = from_mask[int64_t{i - kWindow / 2} * width + (first + mine) / s.c + kWindow / 2] != 0;
        }
        if (in_window > 0) {
          const double figure = window_ssim(columns, count, mine, s.c);
          touching += figure;
          ++touching_windows;
          centred += centre ? figure : 0;
          centred_windows += centre;
        }
      }
      __syncthreads();
    }
    const double found[kFigures] = {centred, touching, static_cast<double>(centred_windows),
                                    static_cast<double>(touching_windows)};
    double* const to = partial + kFigures * ((n * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x);
#pragma unroll
    for (int f = 0; f < kFigures; ++f) {
      const double sum = block_sum(found[f]);
      if (mine == 0) to[f] = sum;
      __syncthreads();
    }
  }
}

// A thread per picture adds what its blocks found.
__global__ void __launch_bounds__(kBlockThreads)
    mean_ssim_kernel(const double* __restrict__ partial, int64_t pictures, int64_t blocks,
                     double* __restrict__ ssim) {
  for (int64_t n = global_thread(); n < pictures; n += grid_threads()) {
    double sums[kFigures] = {};
    for (int64_t i = 0; i < blocks; ++i)
      for (int f = 0; f < kFigures; ++f) sums[f] += partial[kFigures * (n * blocks + i) + f];
    if (sums[2] > 0)
      ssim[n] = sums[0] / sums[2];
    else
      ssim[n] = sums[3] > 0 ? sums[1] / sums[3] : 1;
  }
}

Windows windows_of(const Shape& a) {
  INPAINT_CHECK(a[1] * a[2] * a[3] < int64_t{1} << 31, "ssim: pictures of {}", to_string(a));
  const auto h = static_cast<int>(a[1]), w = static_cast<int>(a[2]), c = static_cast<int>(a[3]);
  return {w * c, c, h - kWindow + 1, (w - kWindow + 1) * c};
}

}  // namespace

void byte_errors(const Context& ctx, const Tensor& a, const Tensor& b, const Tensor& mask,
                 const Tensor& absolute_error, const Tensor& squared_error) {
  const int64_t pixels = a.shape[1] * a.shape[2], values = pixels * a.shape[3];
  const uint8_t *const as = a.as<uint8_t>(), *const bs = b.as<uint8_t>();
  double *const absolute = absolute_error.as<double>(), *const squared = squared_error.as<double>();
  const dim3 grid(static_cast<unsigned>(a.shape[0])), block(kBlockThreads);
  const bool packed = values % 16 == 0 && can_pack<16>(as, bs);
  if (mask.data == nullptr)
    launch("byte_errors", ctx.stream(), grid, block, 0,
           packed ? byte_errors_kernel<true> : byte_errors_kernel<false>, as, bs, values, absolute, squared);
  else
    launch("byte_errors", ctx.stream(), grid, block, 0, masked_errors_kernel, as, bs, mask.as<uint8_t>(),
           pixels, static_cast<int>(a.shape[3]), absolute, squared);
}

int64_t ssim_workspace_bytes(const Context&, const Shape& a) {
  if (a[1] < kSsimWindow || a[2] < kSsimWindow) return 0;  // ssim refuses it
  return kFigures * a[0] * windows_of(a).blocks() * size_of(DType::kF64);
}

void ssim(const Context& ctx, const Tensor& a, const Tensor& b, const Tensor& mask, const Tensor& ssim) {
  const int64_t pictures = a.shape[0];
  const Windows s = windows_of(a.shape);
  auto* const partial = static_cast<double*>(ctx.workspace(cuda::ssim_workspace_bytes(ctx, a.shape)));
  constexpr int64_t kMostGridZ = 65535;
  const bool masked = mask.data != nullptr;
  const size_t count = static_cast<size_t>(std::min(kTile, s.columns) + (kWindow - 1) * s.c);
  const size_t arrays = static_cast<size_t>(kSums) + (masked ? 1 : 0);
  launch("ssim", ctx.stream(),
         dim3(static_cast<unsigned>(s.tiles()), static_cast<unsigned>(s.bands()),
              static_cast<unsigned>(std::min(pictures, kMostGridZ))),
         dim3(kTile), arrays * count * sizeof(int), masked ? ssim_kernel<true> : ssim_kernel<false>, s,
         pictures, s.picture(), a.as<uint8_t>(), b.as<uint8_t>(), masked ? mask.as<uint8_t>() : nullptr,
         partial);
  launch_1d("ssim: mean", ctx.stream(), pictures, mean_ssim_kernel, partial, pictures, s.blocks(),
            ssim.as<double>());
}

}  // namespace inpaint::cuda
