// Picture quality on the CPU; contract in image_quality.h. One task per picture; integer sums throughout, so
// that the order of the additions is free.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "kernels/picture/image_quality.h"

namespace inpaint::cpu {
namespace {

// Sums over a column of 7 pixels, for every value of a row: of a, b, a^2, b^2 and a b.
constexpr int64_t kSums = 5;

void add_row(int64_t row_values, const uint8_t* a, const uint8_t* b, int32_t sign, int32_t* columns) {
  for (int64_t k = 0; k < row_values; ++k) {
    const int32_t x = a[k], y = b[k];
    columns[k] += sign * x;
    columns[row_values + k] += sign * y;
    columns[2 * row_values + k] += sign * x * x;
    columns[3 * row_values + k] += sign * y * y;
    columns[4 * row_values + k] += sign * x * y;
  }
}

double window_ssim(int32_t a, int32_t b, int32_t aa, int32_t bb, int32_t ab) {
  constexpr double kC1 = (0.01 * 255) * (0.01 * 255), kC2 = (0.03 * 255) * (0.03 * 255);
  constexpr int32_t kPixels = kSsimWindow * kSsimWindow;
  constexpr double kMean = 1.0 / (kPixels * kPixels);  // of a product of two sums
  constexpr double kVariance = 1.0 / (kPixels * (kPixels - 1));
  // In integers up to the last scaling: exact (49 * 49 * 255^2 < 2^28), and numerator and denominator of
  // identical windows are the same expression, with the same rounding.
  const double numerator = (kMean * (2 * a * b) + kC1) * (kVariance * (2 * (kPixels * ab - a * b)) + kC2);
  const double denominator =
      (kMean * (a * a + b * b) + kC1) * (kVariance * (kPixels * aa - a * a + (kPixels * bb - b * b)) + kC2);
  return numerator / denominator;
}

double picture_ssim(int64_t height, int64_t width, int64_t channels, const uint8_t* a, const uint8_t* b,
                    int32_t* columns) {
  const int64_t row = width * channels, windows = (width - kSsimWindow + 1) * channels;
  std::fill_n(columns, kSums * row, 0);
  double sum = 0;
  for (int64_t h = 0; h < height; ++h) {
    add_row(row, a + h * row, b + h * row, 1, columns);
    if (h < kSsimWindow - 1) continue;
    for (int64_t k = 0; k < windows; ++k) {
      int32_t s[kSums] = {};
      for (int64_t i = 0; i < kSums; ++i)
        for (int64_t t = 0; t < kSsimWindow; ++t) s[i] += columns[i * row + k + t * channels];
      sum += window_ssim(s[0], s[1], s[2], s[3], s[4]);
    }
    const int64_t first = h - kSsimWindow + 1;
    add_row(row, a + first * row, b + first * row, -1, columns);
  }
  return sum / static_cast<double>(windows * (height - kSsimWindow + 1));
}

int64_t worker_workspace_bytes(const Shape& a) {
  constexpr int64_t kCacheLine = 64;
  const int64_t bytes = kSums * a[2] * a[3] * size_of(DType::kI32);
  return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
}

}  // namespace

void byte_errors(const Context& ctx, const Tensor& a, const Tensor& b, const Tensor& absolute_error,
                 const Tensor& squared_error) {
  const int64_t pictures = a.shape[0], values = a.shape[1] * a.shape[2] * a.shape[3];
  ctx.parallel(pictures, [&](int64_t n, int) {
    const uint8_t *x = a.as<uint8_t>() + n * values, *y = b.as<uint8_t>() + n * values;
    constexpr int64_t kBlock = 1 << 15;  // 2^15 * 255^2 < 2^31: the inner sums fit 32 bits
    int64_t absolute = 0, squared = 0;
    for (int64_t begin = 0; begin < values; begin += kBlock) {
      int32_t block_absolute = 0, block_squared = 0;
      for (int64_t i = begin; i < std::min(values, begin + kBlock); ++i) {
        const int32_t difference = x[i] - y[i];
        block_absolute += std::abs(difference);
        block_squared += difference * difference;
      }
      absolute += block_absolute;
      squared += block_squared;
    }
    absolute_error.as<double>()[n] = static_cast<double>(absolute);
    squared_error.as<double>()[n] = static_cast<double>(squared);
  });
}

int64_t ssim_workspace_bytes(const Context& ctx, const Shape& a) {
  return ctx.threads() * worker_workspace_bytes(a);
}

void ssim(const Context& ctx, const Tensor& a, const Tensor& b, const Tensor& ssim) {
  const int64_t pictures = a.shape[0], height = a.shape[1], width = a.shape[2], channels = a.shape[3];
  auto* workspace = static_cast<std::byte*>(ctx.workspace(cpu::ssim_workspace_bytes(ctx, a.shape)));
  ctx.parallel(pictures, [&](int64_t n, int worker) {
    const int64_t offset = n * height * width * channels;
    auto* columns = reinterpret_cast<int32_t*>(workspace + worker * worker_workspace_bytes(a.shape));
    ssim.as<double>()[n] =
        picture_ssim(height, width, channels, a.as<uint8_t>() + offset, b.as<uint8_t>() + offset, columns);
  });
}

}  // namespace inpaint::cpu
