// Picture quality on the CPU; contract in image_quality.h. One task per picture; integer sums throughout, so
// that the order of the additions is free.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

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

// The windows that count: those with a missing centre, and those that hold a missing pixel.
struct WindowSums {
  double centred = 0, touching = 0;
  int64_t centred_windows = 0, touching_windows = 0;

  double mean() const {
    if (centred_windows > 0) return centred / static_cast<double>(centred_windows);
    return touching_windows > 0 ? touching / static_cast<double>(touching_windows) : 1;
  }
};

struct Picture {
  int64_t height, width, channels;
  const uint8_t *a, *b;
  const uint8_t* mask;  // null: every pixel is missing

  bool missing(int64_t i, int64_t j) const { return mask == nullptr || mask[i * width + j] != 0; }
};

// Adds a row's missing pixels to the numbers of missing pixels in 7 rows of each column.
void add_missing(const Picture& p, int64_t i, int32_t sign, int32_t* missing) {
  for (int64_t j = 0; j < p.width; ++j) missing[j] += sign * int32_t{p.missing(i, j)};
}

// The windows whose first column of pixels is j, in the 7 rows that the columns hold; `top` is the first one.
void add_windows(const Picture& p, int64_t top, int64_t j, const int32_t* columns, const int32_t* missing,
                 WindowSums& sums) {
  const int32_t in_window = std::accumulate(missing + j, missing + j + kSsimWindow, 0);
  if (in_window == 0) return;
  const bool centred = p.missing(top + kSsimWindow / 2, j + kSsimWindow / 2);
  const int64_t row = p.width * p.channels;
  for (int64_t k = j * p.channels; k < (j + 1) * p.channels; ++k) {
    int32_t s[kSums] = {};
    for (int64_t i = 0; i < kSums; ++i)
      for (int64_t t = 0; t < kSsimWindow; ++t) s[i] += columns[i * row + k + t * p.channels];
    const double figure = window_ssim(s[0], s[1], s[2], s[3], s[4]);
    sums.touching += figure;
    if (centred) sums.centred += figure;
  }
  sums.touching_windows += p.channels;
  if (centred) sums.centred_windows += p.channels;
}

double picture_ssim(const Picture& p, int32_t* columns) {
  const int64_t row = p.width * p.channels;
  int32_t* const missing = columns + kSums * row;
  std::fill_n(columns, kSums * row + p.width, 0);
  WindowSums sums;
  for (int64_t i = 0; i < p.height; ++i) {
    add_row(row, p.a + i * row, p.b + i * row, 1, columns);
    add_missing(p, i, 1, missing);
    const int64_t top = i - kSsimWindow + 1;
    if (top < 0) continue;
    for (int64_t j = 0; j + kSsimWindow <= p.width; ++j) add_windows(p, top, j, columns, missing, sums);
    add_row(row, p.a + top * row, p.b + top * row, -1, columns);
    add_missing(p, top, -1, missing);
  }
  return sums.mean();
}

int64_t worker_workspace_bytes(const Shape& a) {
  constexpr int64_t kCacheLine = 64;
  const int64_t bytes = (kSums * a[3] + 1) * a[2] * size_of(DType::kI32);
  return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
}

struct Errors {
  int64_t absolute = 0, squared = 0;

  void add(const uint8_t* x, const uint8_t* y, int64_t values) {
    constexpr int64_t kBlock = 1 << 15;  // 2^15 * 255^2 < 2^31: the inner sums fit 32 bits
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
  }
};

}  // namespace

void byte_errors(const Context& ctx, const Tensor& a, const Tensor& b, const Tensor& mask,
                 const Tensor& absolute_error, const Tensor& squared_error) {
  const int64_t pictures = a.shape[0], pixels = a.shape[1] * a.shape[2], channels = a.shape[3];
  const int64_t values = pixels * channels;
  ctx.parallel(pictures, [&](int64_t n, int) {
    const uint8_t *x = a.as<uint8_t>() + n * values, *y = b.as<uint8_t>() + n * values;
    Errors errors;
    if (mask.data == nullptr) {
      errors.add(x, y, values);
    } else {
      const uint8_t* missing = mask.as<uint8_t>() + n * pixels;
      // A run of missing pixels at a time.
      for (int64_t begin = 0, end; begin < pixels; begin = end) {
        for (end = begin + 1; end < pixels && (missing[end] != 0) == (missing[begin] != 0);) ++end;
        if (missing[begin] != 0)
          errors.add(x + begin * channels, y + begin * channels, (end - begin) * channels);
      }
    }
    absolute_error.as<double>()[n] = static_cast<double>(errors.absolute);
    squared_error.as<double>()[n] = static_cast<double>(errors.squared);
  });
}

int64_t ssim_workspace_bytes(const Context& ctx, const Shape& a) {
  return ctx.threads() * worker_workspace_bytes(a);
}

void ssim(const Context& ctx, const Tensor& a, const Tensor& b, const Tensor& mask, const Tensor& ssim) {
  const int64_t pictures = a.shape[0], height = a.shape[1], width = a.shape[2], channels = a.shape[3];
  auto* workspace = static_cast<std::byte*>(ctx.workspace(cpu::ssim_workspace_bytes(ctx, a.shape)));
  ctx.parallel(pictures, [&](int64_t n, int worker) {
    const int64_t pixels = height * width, offset = n * pixels * channels;
    auto* columns = reinterpret_cast<int32_t*>(workspace + worker * worker_workspace_bytes(a.shape));
    ssim.as<double>()[n] =
        picture_ssim({height, width, channels, a.as<uint8_t>() + offset, b.as<uint8_t>() + offset,
                      mask.data == nullptr ? nullptr : mask.as<uint8_t>() + n * pixels},
                     columns);
  });
}

}  // namespace inpaint::cpu
